"""The keys that a master accepted."""

import pytest

from inguestlib.fleet.ingest.keys import Keys, of_master


def test_a_key_is_read_again_when_it_changed(tmp_path):
    keys = Keys(tmp_path)
    assert keys.of("web1") is None
    (tmp_path / "web1").write_text("one")
    assert keys.of("web1") == "one"
    (tmp_path / "web1").write_text("another")
    assert keys.of("web1") == "another"
    (tmp_path / "web1").unlink()
    assert keys.of("web1") is None


def test_a_key_that_did_not_change_is_the_same_text(tmp_path):
    (tmp_path / "web1").write_text("one")
    keys = Keys(tmp_path)
    assert keys.of("web1") is keys.of("web1")


@pytest.mark.parametrize("name", ["", ".", "..", "../master.pem", "a/b", "nul\0", "x" * 300])
def test_a_name_that_is_no_minion_id(tmp_path, name):
    folder = tmp_path / "minions"
    folder.mkdir()
    (tmp_path / "master.pem").write_text("secret")
    assert Keys(folder).of(name) is None


def test_what_is_no_text_is_no_key(tmp_path):
    (tmp_path / "web1").write_bytes(b"\xff\xfe")
    (tmp_path / "web2").mkdir()
    assert Keys(tmp_path).of("web1") is None
    assert Keys(tmp_path).of("web2") is None


def test_keys_that_are_kept_elsewhere_are_fetched_now_and_then(tmp_path):
    asked, now = [], [0.0]
    keys = Keys(tmp_path, lambda minion: asked.append(minion) or "pem", lambda: now[0])
    assert keys.of("web1") == keys.of("web1") == "pem"
    now[0] = 61.0
    assert keys.of("web1") == "pem"
    assert asked == ["web1", "web1"]


def test_where_a_master_keeps_them(tmp_path):
    (tmp_path / "minions").mkdir()
    (tmp_path / "minions/web1").write_text("a key")
    known = of_master({"pki_dir": str(tmp_path)}, None, None)
    assert known.of("web1") == "a key" and known.fingerprint("web1") is None
    cluster = {"pki_dir": "/nowhere", "cluster_id": "c", "cluster_pki_dir": str(tmp_path)}
    assert of_master(cluster, None, None).of("web1") == "a key"

    class Cache:
        def __init__(self, opts, driver):
            assert driver == "redis_key"

        def fetch(self, bank, name):
            return {"web1": {"state": "accepted", "pub": "k"}, "web2": {"state": "pending"}}.get(
                name
            )

    other = {"pki_dir": str(tmp_path), "keys.cache_driver": "redis_key"}
    known = of_master(other, Cache, lambda: 0.0)
    assert [known.of(name) for name in ("web1", "web2", "web3")] == ["k", None, None]
