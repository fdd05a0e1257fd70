// Fetches a list of URLs with npm's own HTTP client: in_node.js MODULES QUESTIONS
const fs = require('fs')
const [modules, file] = process.argv.slice(2)

// The environment is read when the module is loaded: load it anew for each question.
const fresh = () => {
  for (const key of Object.keys(require.cache)) {
    if (key.includes('agent') || key.includes('make-fetch-happen')) delete require.cache[key]
  }
  return require(`${modules}/make-fetch-happen`)
}

const main = async () => {
  for (const one of JSON.parse(fs.readFileSync(file))) {
    for (const name of Object.keys(process.env)) {
      if (name.toLowerCase().endsWith('_proxy')) delete process.env[name]
    }
    Object.assign(process.env, one.env)
    try {
      await (await fresh()(one.url, { retry: { retries: 0 }, timeout: 30000 })).text()
    } catch (err) {
      console.error(one.url, err.message)
    }
  }
}
main()
