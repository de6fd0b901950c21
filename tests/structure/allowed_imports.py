"""An import-linter contract of the design's form: these modules may import those, and nothing else of ours.

import-linter's own contracts forbid named modules, so a new module would be free by default; here it is not.
Only direct imports are judged: what an allowed module imports is that module's own contract.
"""

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain.helpers import module_expressions_to_modules
from importlinter.domain.imports import Module


class AllowedImports(Contract):
    """`sources` may import `allowed` and themselves, a package meaning all in it; `but_not` is let off."""

    type_name = "allowed"

    sources = fields.SetField(subfield=fields.ModuleExpressionField())
    allowed = fields.SetField(subfield=fields.ModuleExpressionField(), required=False, default=set())
    but_not = fields.SetField(subfield=fields.ModuleExpressionField(), required=False, default=set())
    each_other = fields.BooleanField(required=False, default=True)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Return what is imported against the contract, with the lines it stands on."""
        except_for = _modules(graph, self.but_not)
        sources = [one for one in _modules(graph, self.sources) if not _inside(one, except_for)]
        allowed = _modules(graph, self.allowed) | (set(sources) if self.each_other else set())
        broken = []
        for source in sorted(sources, key=lambda module: module.name):
            own = allowed | {source}
            for name in sorted({source.name, *graph.find_descendants(source.name)}):
                if _inside(Module(name), except_for):
                    continue
                for imported in sorted(graph.find_modules_directly_imported_by(name)):
                    if not _inside(Module(imported), own):
                        details = graph.get_import_details(importer=name, imported=imported)
                        broken.append((name, imported, [detail["line_number"] for detail in details]))
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print an import a line."""
        for importer, imported, lines in check.metadata["broken"]:
            where = ", ".join(f"l.{line}" for line in lines)
            output.print_error(f"{importer} may not import {imported} ({where})", bold=False)
        output.new_line()


def _modules(graph: ImportGraph, expressions: object) -> set[Module]:
    return set(module_expressions_to_modules(graph, expressions, as_packages=False))  # type: ignore[arg-type]


def _inside(module: Module, packages: set[Module]) -> bool:
    return any(module == package or module.is_in_package(package) for package in packages)
