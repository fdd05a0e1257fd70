"""drivers-in-initramfs: every kernel can have the paravirtual drivers, at boot already.

Boot-critical: judged always, changed only where the policy says ``initramfs: enforce: true``.
"""

from inguestlib import kernels
from inguestlib import schema as s
from inguestlib.changes import Refresh
from inguestlib.families.drivers import available, bootimage, generator, modprobe, where
from inguestlib.model import compliant, control, drift, not_applicable, unknown

_NAME = r"[A-Za-z0-9_-]+"

SCHEMA = {
    "initramfs": s.Struct(
        {
            "modules": s.ListOf(
                s.Str(None, _NAME, wanted="a kernel module's name"),
                ("vmw_pvscsi",),
                unique=True,
                help="drivers that the initramfs of every kernel holds, unless they are built in",
            ),
            "available": s.ListOf(
                s.Str(None, _NAME, wanted="a kernel module's name"),
                ("vmxnet3", "vmw_pvscsi"),
                unique=True,
                help="drivers that every kernel can load, or has built in",
            ),
            "kernels": s.Choice(
                ("all", "boot"),
                "all",
                help="judge all installed kernels, or the running and the newest one only",
            ),
            "enforce": s.Bool(
                False, help="mend the configuration and build the images anew; a boot needs them"
            ),
        },
        help="the drivers that kernels and their initramfs must have",
    )
}


def observe(guest, params):
    """``{"kernels": {…}, "images": {path: {…}}, "rows": […], "generator": {…}}``.

    See :func:`available.observe`, :func:`bootimage.observe`, :func:`modprobe.observe` and
    :func:`generator.observe`. An image is read only for drivers that its kernel doesn't have
    built in. ``None`` on a live guest that isn't VMware's.
    """
    if not where.here(guest):
        return None
    wanted = params["initramfs"]
    modules = list(dict.fromkeys([*wanted["available"], *wanted["modules"]]))
    found = available.observe(guest, modules)
    images = {}
    for release, kernel in found.items():
        loadable = [m for m in wanted["modules"] if kernel["modules"][m]["how"] != "builtin"]
        if kernel["initramfs"] and loadable:
            path = kernel["initramfs"]
            images[path] = bootimage.observe(guest, path, release, loadable)
    return {
        "kernels": found,
        "images": images,
        "rows": modprobe.observe(guest, modules),
        "generator": generator.observe(guest),
    }


OBSERVERS = {"initramfs": observe}


@control(
    id="drivers-in-initramfs",
    title="vmxnet3 and vmw_pvscsi are available to the running and the next kernel",
    why="A kernel whose initramfs lacks the disk controller's driver does not find its root.",
    severity="high",
    topic="Linux vmxnet3 and pvscsi drivers are upstream",
    enforceable="yes",
    tier=1,
)
def in_initramfs(facts, policy):
    if end := where.elsewhere(facts.guest, "kernels"):
        yield end
        return
    seen, params = facts["initramfs"], policy["initramfs"]
    chosen = _chosen(seen["kernels"], facts.guest, params["kernels"])
    if not chosen:
        yield not_applicable("kernels", "no kernel is installed in this root, as in a container")
        return
    for release in chosen:
        for module in params["available"]:
            yield _available(module, release, seen["kernels"][release])
    loadable = _loadable(seen, chosen, params)
    for module in dict.fromkeys([*params["available"], *params["modules"]]):
        builtin = all(seen["kernels"][r]["modules"][module]["how"] == "builtin" for r in chosen)
        rows = modprobe.blocking(seen["rows"], module)
        if rows and not builtin:
            yield _blocked(module, rows, _cures(facts, seen, params, modprobe.unblocked(rows)))
    if not loadable:
        return
    yield _configured(facts, seen, chosen, params)
    for release in chosen:
        for module in loadable.get(release, ()):
            yield _in_image(facts, seen, release, module, params)


def _chosen(installed, guest, which):
    """The releases to judge, newest last. What GRUB has saved as its default is not asked."""
    releases = sorted(installed, key=kernels.key)
    if which == "all" or not releases:
        return releases
    running = guest["kernel"]
    newest = (running and kernels.newest(releases, like=running)) or releases[-1]
    return [r for r in releases if r in (running, newest)]


def _loadable(seen, chosen, params):
    """``{release: [module, …]}`` that an initramfs has to bring."""
    out = {}
    for release in chosen:
        at = seen["kernels"][release]["modules"]
        if names := [m for m in params["modules"] if at[m]["how"] != "builtin"]:
            out[release] = names
    return out


def _available(module, release, kernel):
    at = kernel["modules"][module]
    resource = f"{module} for {release}"
    if at["how"] in ("builtin", "module"):
        said = "built in" if at["how"] == "builtin" else "a module"
        return compliant(resource, said, "a module or built in", evidence=at["evidence"])
    if at["how"] == "unseen":
        return unknown(resource, "the kernel's modules are not listed", evidence=at["evidence"])
    cure = {
        "absent": "this kernel comes without it: install the distribution's full kernel",
        "gone": "the file of the module is gone: install the kernel's package again",
        "unlisted": f"run depmod {release}",
    }[at["how"]]
    return drift(resource, at["how"], "a module or built in", evidence=at["evidence"], comment=cure)


def _blocked(module, rows, changes):
    if changes:
        comment = ""
    elif any(row["command"] == "cmdline" for row in rows):
        comment = "take the word out of the kernel's arguments"
    else:
        comment = f"take the line out{_HOW}"
    return drift(
        f"{module} in modprobe.d",
        [modprobe.shown(row) for row in rows],
        "nothing that keeps it from being loaded",
        evidence="; ".join(modprobe.shown(row) for row in rows),
        comment=comment,
        changes=changes,
    )


_HOW = "; with inguest:drivers:initramfs:enforce: true it is done, and images are built anew"


def _cures(facts, seen, params, files):
    """The changes: the given files first, then every image anew on a live guest."""
    if not params["enforce"] or files is None:
        return ()
    owner = generator.REBUILDS.get(seen["generator"]["name"])
    if facts.guest["live"]:
        # Without a generator that is known the images stay as they are: no half a cure.
        return (*files, Refresh(owner)) if owner else ()
    return tuple(files)


def _configured(facts, seen, chosen, params):
    """Whether the images that are made from now on will hold the drivers."""
    made_by = seen["generator"]
    resource = f"configuration of {made_by['name'] or 'the initramfs'}"
    if made_by["name"] not in generator.REBUILDS:
        name = made_by["name"]
        said = (
            f"how {name} is configured is not read" if name else "nothing here makes an initramfs"
        )
        return unknown(resource, said)
    modules = params["modules"]
    names = [m.replace("-", "_") for m in modules]
    omitted = [line for name, line in made_by["omits"].items() if name in names]
    if omitted:
        return drift(
            resource,
            omitted,
            "the drivers are not omitted",
            evidence="; ".join(omitted),
            comment="take the names out of omit_drivers by hand; dracut reads it as a shell does",
        )
    lacking = [name for name in names if name not in made_by["asks"]]
    if not lacking:
        evidence = "; ".join(dict.fromkeys(made_by["asks"][name] for name in names))
        return compliant(resource, "named", "every driver", evidence=evidence)
    if made_by["general"]:
        return compliant(resource, made_by["general"], "every driver", evidence=made_by["general"])
    if facts.guest["live"] and not _images_lacking(seen, chosen, params):
        evidence = f"{made_by['selective']}; the images of this guest hold {', '.join(modules)}"
        return compliant(resource, made_by["selective"], "every driver", evidence=evidence)
    changes = _cures(facts, seen, params, [generator.asking(made_by, modules)])
    return drift(
        resource,
        {"selective": made_by["selective"], "not named": lacking},
        "every driver, wherever the image is built",
        evidence=made_by["selective"],
        comment="" if changes else f"name {', '.join(lacking)}{_HOW}",
        changes=changes,
    )


def _images_lacking(seen, chosen, params):
    nothing = {"modules": {}}
    return any(
        module not in seen["images"].get(seen["kernels"][release]["initramfs"], nothing)["modules"]
        for release, modules in _loadable(seen, chosen, params).items()
        for module in modules
    )


def _in_image(facts, seen, release, module, params):
    path = seen["kernels"][release]["initramfs"]
    if path is None:
        return unknown(
            f"initramfs of {release}",
            "none was found in /boot or beside a boot loader's entry",
            evidence=f"/boot/initrd.img-{release}, /boot/initramfs-{release}.img and "
            f"/boot/initrd-{release}: no such file",
        )
    image, resource = seen["images"][path], f"{module} in {path}"
    if image["error"]:
        return unknown(resource, f"the image could not be read: {image['error']}")
    held, rows = image["modules"].get(module), modprobe.blocking(image["rows"], module)
    if held and not rows:
        return compliant(resource, held, "held", evidence=f"{path} holds {held}")
    if held:
        observed = evidence = "; ".join(modprobe.shown(row) for row in rows)
    else:
        observed, evidence = "missing", f"{path}: no member lib/modules/{release}/**/{module}.ko"
    how = seen["kernels"][release]["modules"][module]["how"]
    changes = ()
    if facts.guest["live"] and how == "module" and not seen["generator"]["omits"]:
        # Its modprobe.d is a copy of the guest's: that has to be mended in the same pass.
        mended = modprobe.unblocked(modprobe.blocking(seen["rows"], module))
        asking = generator.asking(seen["generator"], params["modules"])
        if mended is not None and asking is not None:
            changes = _cures(facts, seen, params, [*mended, *([] if held else [asking])])
    return drift(
        resource,
        observed,
        "held, and not blocked",
        evidence=evidence,
        comment="" if changes else _by_hand(facts, seen, how),
        changes=changes,
    )


def _by_hand(facts, seen, how):
    if how != "module":
        return "this kernel has no such module; see there"
    command = generator.BY_HAND.get(seen["generator"]["name"])
    if not command:
        return "make the image anew with this driver in it"
    if not facts.guest["live"]:
        return f"make it anew inside the image, as in a chroot: {command}"
    return f"run {command}{_HOW}"


CONTROLS = (in_initramfs,)
