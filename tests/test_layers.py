"""Imports point down one list, what is dangerous stands in one place, and nothing grows too big."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import crm_mcp
from crm_mcp.loader import schemas_root, vendor_ids

PACKAGE = Path(crm_mcp.__file__).parent
ROOT = "crm_mcp"

# From the top down. A module imports modules of later layers only; those of a layer with a star
# may also import each other, as long as they do not run in a circle.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli", "cli.*"),
    ("commands", "commands.*", "web.app"),
    ("testing", "testing.*"),
    ("service.app",),
    ("service.approvals",),
    ("service", "service.denials", "service.limits"),
    ("service.observe",),
    ("service.callers",),
    ("service.oauth",),
    ("service.answers", "service.tokens"),
    ("web.protection", "web.decisions"),
    ("web.pages",),
    ("web", "web.reading"),
    ("deciding",),
    ("server",),
    ("completion",),
    ("resources", "prompting"),
    ("feeds",),
    ("views",),
    ("prompts", "prompts.*"),
    ("listing",),
    ("catalogue", "catalogue.*"),
    ("elicitation", "results", "stdio"),
    ("app",),
    ("identity",),
    ("take_back",),
    ("pipeline", "watch", "doubts"),
    ("pages",),
    ("recorder",),
    ("parties",),
    ("drain",),
    ("afterwards",),
    ("screen",),
    ("bindings", "bindings.*"),
    ("check", "check.*"),
    (
        "registry",
        "confirm",
        "preview",
        "envelope",
        "records",
        "forecast",
        "files",
        "field_names",
        "received",
    ),
    ("states",),
    ("everyday",),
    ("entries",),
    ("names",),
    ("golden",),
    ("config",),
    ("access",),
    ("telemetry_settings",),
    ("service_settings",),
    ("setting_types",),
    ("sandbox", "sandbox.*"),
    ("client",),
    ("log_lines",),
    ("telemetry",),
    ("sharing",),
    ("redis_state",),
    ("websocket",),
    ("listening",),
    ("uploads",),
    ("guard",),
    ("rights",),
    ("notices",),
    ("clients",),
    ("selftest",),
    ("forms",),
    ("ledger", "audit"),
    ("undo_store", "open_writes"),
    ("state",),
    ("presence",),
    ("undo",),
    ("gaps",),
    ("fitting",),
    ("ids",),
    ("search", "search.*"),
    ("retry", "respond", "compare", "ignored"),
    ("resume",),
    ("validate", "bind", "meant"),
    ("loader",),
    ("vendors.*",),
    ("vendors",),
    ("vendors.base",),
    ("vendors.shared",),
    ("walk",),
    ("personal", "known"),
    ("redact",),
    ("spelling",),
    ("request", "pointer", "clean", "seen", "marks", "wishes", "selection"),
    ("operation", "private"),
    ("errors", "patterns"),
    (ROOT,),
)


@dataclass(frozen=True)
class Module:
    """One file of the package: its name below the package, and its parsed text."""

    name: str
    path: Path
    names: frozenset[str]

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(ast.parse(self.text)))

    @cached_property
    def imports(self) -> frozenset[str]:
        """The full names of all that is imported, wherever in the file."""
        return frozenset(name for node in self.nodes for name in _imported(node))

    @property
    def own(self) -> frozenset[str]:
        """The imported modules of this package."""
        return frozenset(self._module(name) for name in self.imports if _is_ours(name))

    @property
    def foreign(self) -> frozenset[str]:
        """The imported libraries."""
        return frozenset(name.partition(".")[0] for name in self.imports if not _is_ours(name))

    def _module(self, name: str) -> str:
        """Find the module that an imported name stands in."""
        below = name.removeprefix(ROOT).removeprefix(".")
        return below if below in self.names else below.rpartition(".")[0] or ROOT

    def calls(self, name: str) -> bool:
        """Whether a function or method of this name is called here."""
        functions = [node.func for node in self.nodes if isinstance(node, ast.Call)]
        return any(
            (isinstance(function, ast.Name) and function.id == name)
            or (isinstance(function, ast.Attribute) and function.attr == name)
            for function in functions
        )


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports name the whole way"
        for alias in node.names:
            yield f"{node.module}.{alias.name}"


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == ROOT


def _name_of(path: Path) -> str:
    steps = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(steps[:-1] if steps[-1] == "__init__" else steps) or ROOT


def _read_modules() -> tuple[Module, ...]:
    paths = {_name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
    return tuple(Module(name, path, frozenset(paths)) for name, path in paths.items())


MODULES = _read_modules()
VENDORS = vendor_ids(schemas_root())


def depth(name: str) -> int:
    """Find a module's layer; its own name counts before a pattern."""
    for fits in (str.__eq__, fnmatchcase):
        for number, layer in enumerate(LAYERS):
            if any(fits(name, entry) for entry in layer):
                return number
    pytest.fail(f"{name} has no layer: give it its place in LAYERS")


def may_import(importer: str, imported: str) -> bool:
    above, below = depth(importer), depth(imported)
    has_star = any("*" in entry for entry in LAYERS[above])
    return above < below or (above == below and has_star)


def where(condition: Callable[[Module], bool]) -> set[str]:
    return {module.name for module in MODULES if condition(module)}


def makers(home: str, kind: str) -> set[str]:
    """List the modules that make values of a class of the module `home`."""
    return where(lambda module: module.calls(kind) and home in {module.name, *module.own})


def outside(importers: set[str], *patterns: str) -> set[str]:
    return {
        name for name in importers if not any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def test_the_package_was_found() -> None:
    names = {module.name for module in MODULES}

    assert names >= {ROOT, "client", "vendors.fivecrm.auth", "sandbox.app", "commands.demo"}
    assert [
        entry
        for layer in LAYERS
        for entry in layer
        if not any(fnmatchcase(name, entry) for name in names)
    ] == []


def test_imports_point_down_the_layers() -> None:
    upwards = {
        f"{module.name} imports {name}"
        for module in MODULES
        for name in module.own
        if not may_import(module.name, name)
    }

    assert upwards == set()


def test_imports_run_in_no_circle() -> None:
    order = TopologicalSorter({module.name: module.own for module in MODULES}).static_order()

    assert set(order) == {module.name for module in MODULES}


def test_only_the_border_speaks_mcp() -> None:
    speakers = where(lambda module: bool(module.foreign & {"mcp", "mcp_types"}))

    border = ("server", "elicitation", "results", "stdio", "resources", "feeds", "prompting")
    others = ("completion", "identity", "service.*", "commands.demo", "testing", "testing.*")
    assert outside(speakers, *border, *others) == set()


def test_only_the_client_the_vendors_and_the_sandbox_speak_http() -> None:
    speakers = where(lambda module: "httpx" in module.foreign)

    assert outside(speakers, "client", "websocket", "vendors.*", "sandbox.*", "notices") == set()


def test_only_the_sandbox_the_approval_page_and_the_service_serve_http() -> None:
    servers = where(lambda module: bool(module.foreign & {"starlette", "uvicorn"}))

    page = ("web.*", "commands.approvals_page")
    service = ("service.*", "commands.serve_http")
    assert outside(servers, "sandbox.*", "commands.sandbox", *page, *service) == set()


def test_only_the_approval_page_writes_html_and_only_its_command_and_the_service_open_it() -> None:
    assert where(lambda module: bool(module.foreign & {"jinja2", "markupsafe"})) == {"web.pages"}

    of_page = {module.name for module in MODULES if module.name.partition(".")[0] == "web"}
    openers = where(lambda module: bool(module.own & of_page))
    assert outside(openers, "web.*") == {"commands.approvals_page", "service.approvals"}


def test_a_vendor_imports_the_base_the_errors_the_redaction_and_itself() -> None:
    for vendor in VENDORS:
        package = f"vendors.{vendor}"
        of_vendor = [module for module in MODULES if f"{module.name}.".startswith(f"{package}.")]
        imported = {name for module in of_vendor for name in module.own}
        shared = ("vendors.base", "vendors.shared", "vendors.login", "vendors.quiet")
        free = (*shared, "errors", "redact")
        allowed = (*free, package, f"{package}.*")
        assert outside(imported, *allowed) == set()


@pytest.mark.parametrize("vendor", VENDORS)
def test_nothing_but_the_vendor_itself_imports_a_vendor_by_name(vendor: str) -> None:
    own = (f"vendors.{vendor}", f"vendors.{vendor}.*", f"sandbox.{vendor}*")

    importers = where(lambda module: any(name not in outside({name}, *own) for name in module.own))

    assert outside(importers, *own) == set()


def test_modules_are_found_by_looking_only_where_vendors_are() -> None:
    assert where(lambda module: module.calls("import_module")) == {"vendors", "sandbox"}


def test_leave_to_send_is_made_in_one_place_and_asked_for_in_one() -> None:
    assert makers("guard", "Permit") == {"guard"}
    assert makers("ledger", "Consent") == {"ledger"}
    assert where(lambda module: module.calls("permit")) == {"pipeline"}


def test_only_the_server_catches_everything() -> None:
    def catches_all(module: Module) -> bool:
        handlers = [node.type for node in module.nodes if isinstance(node, ast.ExceptHandler)]
        return any(
            caught is None
            or any(
                isinstance(part, ast.Name) and part.id == "Exception" for part in ast.walk(caught)
            )
            for caught in handlers
        )

    assert where(catches_all) == {"server"}


def test_nothing_prints_past_the_protocol() -> None:
    def prints(module: Module) -> bool:
        return any(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "print"
            for node in module.nodes
        )

    assert where(prints) == set()


def test_files_and_lines_stay_short() -> None:
    long_files = where(lambda module: len(module.text.splitlines()) > 400)
    long_lines = where(lambda module: any(len(line) > 100 for line in module.text.splitlines()))

    assert (long_files, long_lines) == (set(), set())


def test_functions_stay_short() -> None:
    lengths = {
        f"{module.name}.{node.name}:{node.lineno}": (node.end_lineno or 0) - node.lineno + 1
        for module in MODULES
        for node in module.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {name: length for name, length in lengths.items() if length > 60} == {}
    short = sum(length < 25 for length in lengths.values())
    assert short >= 0.9 * len(lengths)
