"""Salt's real loader on the checkout, without a daemon."""

import pytest


@pytest.fixture(scope="session")
def minion_opts(tmp_path_factory, pytestconfig):
    """The options of a masterless minion that keeps everything in a scratch directory."""
    import salt.config

    folder = str(tmp_path_factory.mktemp("salt"))
    opts = salt.config.minion_config(None)
    opts.update(root_dir=folder, cachedir=folder, extension_modules=folder, id="web1")
    opts.update(file_client="local", grains={"kernel": "Linux"}, pillar={}, test=False)
    checkout = pytestconfig.rootpath
    opts.update(module_dirs=[str(checkout / "_modules")], states_dirs=[str(checkout / "_states")])
    return opts


@pytest.fixture
def loaded(minion_opts):
    """``loaded(pillar, **options)``: ``(modules, states)`` with that pillar below ``inguest:``."""
    import salt.loader

    def load(pillar, **options):
        opts = {**minion_opts, "pillar": {"inguest": pillar}, **options}
        functions = salt.loader.minion_mods(opts)
        return functions, salt.loader.states(opts, functions, {}, {})

    return load


@pytest.fixture
def one_volume(loaded, tmp_path):
    """:class:`support.one_volume.OneVolume`: a declared volume in an image file, and its safe."""
    from support import need
    from support.one_volume import OneVolume
    from support.safe import Safe

    need.root()
    need.program("cryptsetup", "blkid", "wipefs")
    with Safe("127.0.0.1") as safe:
        yield OneVolume(loaded, tmp_path, safe)
