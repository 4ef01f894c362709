"""The configuration file: what it takes, what it refuses, and that its documentation is true."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from oddsengine import _core, _rights, config
from oddsengine._rights import ROLES
from oddsengine._zap import KeyFileError, KeyPair, public_key, read_keys, write_keys
from oddsengine.config import KEYS, ConfigError, Settings, load, parse

ROOT = Path(__file__).resolve().parents[2]


def parsed(**sections: Any) -> Settings:
    return parse(sections, needs_journal=False)


def error_of(tables: dict[str, Any], *, needs_journal: bool = False) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(tables, needs_journal=needs_journal)
    return str(caught.value)


def test_the_defaults_are_those_of_the_engine() -> None:
    """Each default of the Rust configuration, read from its source."""
    source = (ROOT / "crates/facts/src/config.rs").read_text()
    defaults = dict(re.findall(r"^            (\w+): ([\d_]+|None),$", source, re.MULTILINE))
    engine = parsed().engine
    in_rust = {name: None if value == "None" else int(value) for name, value in defaults.items()}
    scaled = {
        "odds_e4_min": engine["odds_min"],
        "odds_e4_max": engine["odds_max"],
        "manual_tolerance_e4": engine["manual_tolerance"],
        "price_jump_e4": engine["price_jump"],
        "improvement_e4": engine["improvement"],
    }
    assert in_rust.keys() - scaled.keys() <= engine.keys()
    for name, value in in_rust.items():
        found = engine[name] if name in engine else round(10_000 * scaled[name])  # type: ignore[operator]
        assert found == value, name
    football = (ROOT / "crates/pricing/src/model.rs").read_text()
    for name in ("first_half_share", "red_card_own", "red_card_opponent"):
        (in_thousandths,) = re.findall(rf"^            {name}_e3: ([\d_]+),$", football, re.MULTILINE)
        assert engine["models"]["football"][name] == int(in_thousandths) / 1_000  # type: ignore[index]


def test_currencies_have_the_decimals_of_the_core() -> None:
    source = (ROOT / "crates/types/src/currency.rs").read_text()
    in_rust = {code: int(digits) for code, digits in re.findall(r'\("([A-Z]{3})", (\d)\)', source)}
    assert in_rust == config.MINOR_DIGITS


def test_the_names_are_those_of_the_core() -> None:
    margins = (ROOT / "crates/facts/src/config.rs").read_text()
    ladders = (ROOT / "crates/types/src/ladder.rs").read_text()
    choices = {key.name: key.takes for key in KEYS if key.kind == "choice"}
    assert set(choices["method"]) == set(re.findall(r'=> "(\w+)",', margins))
    assert set(choices["ladder"]) == set(re.findall(r'=> "(\w+)",', ladders))


def test_amounts_are_decimal_text_or_minor_units() -> None:
    assert parsed(limits={"stake_max": "12.34"}).engine["stake_minor_max"] == 1_234
    assert parsed(limits={"stake_minor_max": 1_234}).engine["stake_minor_max"] == 1_234
    yen = parsed(book={"currency": "JPY"}, limits={"stake_max": "1234"})
    assert yen.engine["stake_minor_max"] == 1_234
    assert parsed(book={"skew_b": "1000.00"}).engine["skew_b_minor"] == 100_000


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"limits": {"stake_maximum": "5.00"}},
            "[limits] stake_maximum is not a known key\nhint: did you mean stake_max?",
        ),
        ({"limit": {}}, "[limit] is not a known section\nhint: did you mean limits?"),
        ({"models": {"curling": {}}}, "[models.curling] is not a known section"),
        ({"ladder": "fine"}, "ladder = 'fine' stands outside a section\nhint: it belongs in [book]"),
        ({"limits": {"stake_max": 500}}, "[limits] stake_max 500 is not an amount in quotes"),
        ({"limits": {"stake_max": "5.001"}}, "[limits] stake_max '5.001' is not an amount with 2 decimals"),
        ({"limits": {"stake_max": "NaN"}}, "[limits] stake_max 'NaN' is not an amount with 2 decimals"),
        ({"limits": {"stake_max": "much"}}, "[limits] stake_max 'much' is not an amount"),
        ({"limits": {"stake_max": "1e12"}}, "[limits] stake_max 1e12 is outside 0.01..=100000000.00"),
        ({"limits": {"stake_minor_max": 0}}, "[limits] stake_minor_max 0 is outside 1..=10000000000"),
        (
            {"limits": {"stake_max": "5.00", "stake_minor_max": 500}},
            "[limits] stake_max and stake_minor_max say the same thing; keep one",
        ),
        ({"limits": {"legs_max": 64}}, "[limits] legs_max 64 is outside 1..=63"),
        ({"limits": {"legs_max": True}}, "[limits] legs_max True is not an integer"),
        (
            {"limits": {"stake_min": "9.00", "stake_max": "8.00"}},
            "[limits] stake_max 8.00 is below stake_min 9.00",
        ),
        ({"book": {"odds_min": 1.0}}, "[book] odds_min 1.0 is outside 1.001..=1000.0"),
        ({"book": {"odds_min": 3, "odds_max": 2}}, "[book] odds_max 2.0 is below odds_min 3.0"),
        ({"book": {"odds_max": float("nan")}}, "[book] odds_max nan is outside 1.001..=1000.0"),
        ({"book": {"currency": "euro"}}, "[book] currency 'euro' is not three upper-case letters"),
        ({"book": {"ladder": "betfare"}}, "hint: did you mean betfair?"),
        ({"margin": {"booksum": 0.9}}, "[margin] booksum 0.9 is outside 1.0..=2.0"),
        ({"models": {"football": {"stoppage_ms": [1]}}}, "stoppage_ms [1] is not a list of 2 numbers"),
        (
            {"models": {"football": {"lead_multipliers": [1, 2, 11]}}},
            "lead_multipliers[2] 11 is outside 0.0..=10.0",
        ),
        ({"sockets": {"odds": "5552"}}, "[sockets] odds '5552' is not an endpoint"),
        ({"sockets": {"odds": "tcp://127.0.0.1"}}, "has no port in 0..=65535"),
        ({"sockets": {"odds": "tcp://127.0.0.1:99999"}}, "has no port in 0..=65535"),
        ({"sockets": {"odds": "inproc://odds"}}, "is not an endpoint"),
        ({"journal": {"path": "a.db", "in_memory": True}}, "exclude each other"),
        ({"journal": {"path": 7}}, "[journal] path 7 is not a text"),
        ({"curve": {}}, "[curve] server_key_file is missing"),
    ],
)
def test_errors_name_the_key_the_value_and_what_is_allowed(tables: dict[str, Any], message: str) -> None:
    assert message in error_of(tables)


def test_a_journal_must_be_chosen() -> None:
    assert 'hint: write path = "journal.db"' in error_of({}, needs_journal=True)
    assert parse({"journal": {"in_memory": True}}).journal.path is None


@pytest.mark.parametrize(
    "endpoint", ["tcp://*:5552", "tcp://0.0.0.0:5552", "tcp://10.0.0.7:5552", "tcp://eth0:5552"]
)
def test_an_open_endpoint_needs_keys(endpoint: str) -> None:
    message = error_of({"sockets": {"odds": endpoint}})
    assert f"[sockets] odds {endpoint} is open to other hosts, and there is no [curve] section" in message
    assert "oddsengine keygen server" in message


@pytest.mark.parametrize(
    "endpoint", ["tcp://localhost:1", "tcp://[::1]:1", "tcp://127.1.2.3:1", "ipc:///run/x"]
)
def test_a_local_endpoint_needs_none(endpoint: str) -> None:
    assert parsed(sockets={"odds": endpoint}).sockets.odds == endpoint


def test_keys_and_clients(tmp_path: Path) -> None:
    server, alice, feed = KeyPair.new(), KeyPair.new(), KeyPair.new()
    write_keys(server, tmp_path / "server")
    write_keys(alice, tmp_path / "alice")
    file = tmp_path / "engine.toml"
    file.write_text(
        f"""
        [sockets]
        odds = "tcp://*:5552"
        [journal]
        path = "journal.db"
        [curve]
        server_key_file = "server.key_secret"
        [[curve.client]]
        key_file = "alice.key"
        roles = ["orders", "wallet", "desk", "read"]
        customers = [7, "100..=199"]
        [[curve.client]]
        name = "feed"
        key = '''{feed.public.decode()}'''
        roles = ["feed"]
        sources = ["scout", "recording.*"]
        """
    )
    settings = load(file)
    assert settings.curve is not None
    assert settings.curve.server.secret == server.secret
    assert "secret" not in repr(settings).replace("server_secret", "")
    allowed = settings.curve.allowed()
    # The sockets of its roles, where none are named.
    assert allowed["ingest"] == {feed.public: "feed"}
    assert {name for name in allowed if alice.public in allowed[name]} == {
        "orders",
        "odds",
        "snapshot",
        "desk",
    }
    keys: Any = settings.rights.as_dict(settings.curve)["keys"]
    assert keys["alice"]["customers"] == [(7, 7), (100, 199)]
    assert keys["feed"] == {"roles": ["feed"], "sources": ["scout", "recording.*"], "customers": []}
    assert [client.name for client in settings.curve.clients] == ["alice", "feed"]
    # Paths are relative to the file, wherever the process was started.
    assert settings.journal.path == tmp_path / "journal.db"


def default_rights() -> dict[str, dict[str, list[str]]]:
    """The defaults of `[rights.*]`, as TOML gives them."""
    tables: dict[str, dict[str, list[str]]] = {}
    for key in KEYS:
        parent, _, socket = key.section.partition(".")
        if parent == "rights":
            tables.setdefault(socket, {})[key.name] = list(key.default)
    return tables


NAMED = """
[curve]
server_key_file = "server.key_secret"
"""


def clients_error(folder: Path, *clients: str) -> str:
    text = NAMED + "".join(f"[[curve.client]]\n{client}\n" for client in clients)
    with pytest.raises(ConfigError) as caught:
        parse(tomllib.loads(text), folder=folder, needs_journal=False)
    return str(caught.value)


def test_rights_of_clients_are_said_and_make_sense(tmp_path: Path) -> None:
    """Who was on the list of a socket could do all that is done there: a key without roles is refused."""
    for name in ("server", "alice", "bob", "orders"):
        write_keys(KeyPair.new(), tmp_path / name)
    alice, bob = 'key_file = "alice.key"', 'key_file = "bob.key"'
    everything = 'roles = ["orders"]\ncustomers = ["*"]'
    for client, message in {
        alice: "alice has no roles, and it may connect to ingest, orders, snapshot\nhint: say",
        f'{alice}\nsockets = ["odds", "snapshot"]': "alice has no roles, and it may connect to snapshot\n",
        f'{alice}\nroles = ["trader"]': "'trader' is not one of feed, orders, wallet, desk, read",
        f'{alice}\nroles = ["wallets"]': "\nhint: did you mean wallet?",
        f'{alice}\nroles = "desk"': "roles 'desk' is not a list of feed, orders, wallet, desk, read",
        f'{alice}\nroles = ["feed"]': 'alice has the role feed without sources\nhint: sources = ["*"]',
        f'{alice}\nroles = ["orders"]': 'has the role orders without customers\nhint: customers = ["*"]',
        f'{alice}\nroles = ["wallet"]\ncustomers = [7]': "alice has customers without the role orders",
        f'{alice}\nroles = ["desk"]\nsources = ["a"]': "alice has sources without the role feed",
        f'{alice}\nroles = ["feed"]\nsources = []': "sources has 0 sources, not 1..=256",
        f'{alice}\nroles = ["feed"]\nsources = ["a*b"]': "'a*b' has a * elsewhere than at its end",
        f'{alice}\nroles = ["feed"]\nsources = [7]': "sources 7 is not a text of 1 to 128 bytes",
        f'{alice}\nroles = ["feed"]\nsources = "a"': "sources 'a' is not a list",
        f'{alice}\nroles = ["orders"]\ncustomers = ["9..=3"]': "customers '9..=3' ends before it begins",
        f'{alice}\nroles = ["orders"]\ncustomers = [-1]': "customers -1 is outside 0..=18446744073709551615",
        f'{alice}\nroles = ["orders"]\ncustomers = [true]': "customers True is not a customer, a range",
        f'{alice}\nroles = ["read"]\nname = "a\\tb"': "name 'a\\tb' is not 1 to 128 printable bytes",
        f'key_file = "orders.key"\n{everything}': "orders is the name of a socket\nhint: give it",
    }.items():
        assert message in clients_error(tmp_path, client), client
    twice = clients_error(tmp_path, f"{alice}\n{everything}", f'{alice}\nname = "b"\nroles = ["read"]')
    assert "[[curve.client]] b has the key of alice: a key is listed once" in twice
    mixed = clients_error(tmp_path, f"{alice}\n{everything}", f'{bob}\nname = "alice"\nroles = ["read"]')
    assert "[[curve.client]] alice is there twice, with different roles, sources or customers" in mixed
    # Of sockets that keys guard nothing is said twice.
    text = f"{NAMED}[[curve.client]]\n{alice}\n{everything}\n[rights.orders]\nroles = []\n"
    with pytest.raises(
        ConfigError, match=r"\[rights.orders\] is about connections without a key, and with \[curve\] tcp"
    ):
        parse(tomllib.loads(text), folder=tmp_path, needs_journal=False)
    # An old and a new key of one client, and one that only subscribes.
    text = "".join(
        f"[[curve.client]]\n{client}\n"
        for client in (
            f"{alice}\n{everything}",
            f'{bob}\nname = "alice"\n{everything}',
            'key_file = "orders.key"\nname = "listener"\nsockets = ["odds", "desk"]',
        )
    )
    settings = parse(tomllib.loads(NAMED + text), folder=tmp_path, needs_journal=False)
    keys: Any = settings.rights.as_dict(settings.curve)["keys"]
    assert {name: grants["roles"] for name, grants in keys.items()} == {"alice": ["orders"], "listener": []}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"ingest": {"roles": ["desk"]}}, "[rights.ingest] roles 'desk' is not one of feed"),
        (
            {"orders": {"roles": ["feed"]}},
            "[rights.orders] roles 'feed' is not one of orders, wallet, desk, read",
        ),
        (
            {"orders": {"roles": ["desk"], "customers": [7]}},
            "[rights.orders] has customers without the role orders",
        ),
        ({"odds": {"roles": ["read"]}}, "[rights.odds] is not a known section"),
        ({"roles": ["read"]}, "[rights] roles is not a known key"),
        ({"snapshot": {"customers": ["*"]}}, "[rights.snapshot] customers is not a known key"),
    ],
)
def test_rights_of_sockets_make_sense(tables: dict[str, Any], message: str) -> None:
    assert message in error_of({"rights": tables})


def test_the_core_takes_the_rights_as_they_are_configured() -> None:
    """And checks them again: nobody may go around the configuration."""
    rights = parsed(rights={"orders": {"roles": []}}).rights.as_dict(None)
    _core.Service(journal=None, config={}, now_ns=1, rights=rights)
    grants: dict[str, object] = {"roles": ["feed"], "sources": ["*"]}
    for broken, message in (
        ({"keys": {"orders": grants}}, 'key name "orders" is the name of a socket'),
        ({"keys": {"": grants}}, 'key name "" has not 1 to 128 bytes'),
        (
            {"keys": {"a": {"roles": ["god"]}}},
            'role of a "god" is not one of feed, orders, wallet, desk, read',
        ),
        ({"keys": {"a": {"roles": ["feed"]}}}, "0 sources are outside 1..=256"),
        ({"keys": {"a": {"roles": ["orders"]}}}, "0 ranges of customers are outside 1..=4096"),
        (
            {"keys": {"a": {"roles": ["orders"], "customers": [(2, 1)]}}},
            "customers 2..=1 end before they begin",
        ),
        ({"sockets": {"odds": grants}}, 'socket "odds" is not one of ingest, orders, snapshot'),
        ({"doors": {}, "key": {"a": grants}}, 'rights "key" is not one of sockets, keys'),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            _core.Service(journal=None, config={}, now_ns=1, rights=broken)


def test_the_roles_are_those_of_the_core() -> None:
    source = (ROOT / "crates/runtime/src/service/rights.rs").read_text()
    body = source[source.index("impl Role {") : source.index("/// The role with this name.")]
    assert tuple(re.findall(r'Self::\w+ => "(\w+)",', body)) == ROLES
    bounds = dict(re.findall(r"^pub const (\w+): usize = ([\d_]+);", source, re.MULTILINE))
    assert int(bounds["SOURCES_PER_KEY_MAX"]) == _rights.SOURCES_MAX
    assert int(bounds["CUSTOMER_RANGES_PER_KEY_MAX"]) == _rights.CUSTOMER_RANGES_MAX


def test_a_secret_key_is_not_for_others(tmp_path: Path) -> None:
    _, secret = write_keys(KeyPair.new(), tmp_path / "server")
    assert secret.stat().st_mode & 0o777 == 0o600
    secret.chmod(0o644)
    with pytest.raises(KeyFileError, match="can be read by others\nhint: chmod 600"):
        read_keys(secret, secret=True)


def test_keys_are_not_overwritten(tmp_path: Path) -> None:
    write_keys(KeyPair.new(), tmp_path / "server")
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    with pytest.raises(FileExistsError):
        write_keys(KeyPair.new(), tmp_path / "server")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_key_files_that_are_none(tmp_path: Path) -> None:
    public, _ = write_keys(KeyPair.new(), tmp_path / "server")
    with pytest.raises(
        KeyFileError, match=r"holds no secret-key\nhint: name the file that ends in \.key_secret"
    ):
        read_keys(public, secret=True)
    with pytest.raises(KeyFileError, match="cannot read key file"):
        read_keys(tmp_path / "absent", secret=False)
    public.write_text('public-key = "short"')
    with pytest.raises(KeyFileError, match="not 40 characters of Z85"):
        read_keys(public, secret=False)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read configuration .*: No such file"):
        load(tmp_path / "absent.toml")
    file = tmp_path / "broken.toml"
    file.write_text("[limits\n")
    with pytest.raises(ConfigError, match="is not TOML"):
        load(file)
    file.write_text("[limits]\nlegs_max = 0\n")
    with pytest.raises(ConfigError, match=r"broken\.toml: \[limits\] legs_max 0 is outside"):
        load(file)


def test_the_example_holds_every_key_at_its_default() -> None:
    text = (ROOT / "examples/oddsengine.toml").read_text()
    settings = load(ROOT / "examples/oddsengine.toml")
    defaults = parse({"journal": {"path": "journal.db"}}, folder=ROOT / "examples")
    assert settings == defaults
    for key in KEYS:
        assert re.search(rf"^#? ?{key.name} = ", text, re.MULTILINE), key
    # What is commented out is right as well, but for the keys that are not there.
    shown = tomllib.loads(
        re.sub(r"^# (?=\[|\w+ = )", "", text.replace("# in_memory", "#"), flags=re.MULTILINE)
    )
    (feed, alice), curve = shown["curve"].pop("client"), shown.pop("curve")
    assert curve.keys() == {"server_key_file"}
    assert shown.pop("rights") == default_rights()
    assert feed.keys() | alice.keys() == {key.name for key in KEYS if key.section == "curve.client"}
    assert public_key(feed["key"])
    assert parse(shown).engine["skew_b_minor"] == 500_000


def test_the_documented_table_is_the_one_in_the_code() -> None:
    text = (ROOT / "docs/config.md").read_text()
    rows = re.findall(r"^\| `([\w.]+)` \| (.+) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert [tuple(row) for row in rows] == [
        (config.label(key), config.default_text(key), key.allowed(), key.text) for key in KEYS
    ]
