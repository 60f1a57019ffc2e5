"""Mutants: small faults of the package, each of which a test must find.

They show that tests can fail, and that no kind of fault is lost where tests are
pruned. `tox run -e mutants` puts one after the other into a copy of the tree and
prints which test kills it; they are no part of the suite.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """A replacement of a piece of source that is there exactly once."""

    name: str
    folder: str
    """Where in the package the piece lies, in one of the files."""
    old: str
    new: str
    first: tuple[str, ...] = ()
    """Test modules that are most likely to kill it, by their names, tried first."""

    def apply(self, package: Path) -> tuple[Path, str]:
        """Changes the file that holds the piece.

        Args:
            package: The folder of the package.

        Returns:
            The file, and its text before.

        Raises:
            ValueError: If the piece is not there exactly once.
        """
        sources = sorted((package / self.folder).glob("**/*.py"))
        texts = {path: path.read_text(encoding="utf-8") for path in sources}
        count = sum(text.count(self.old) for text in texts.values())
        if count != 1:
            raise ValueError(
                f"{self.name}: {self.old!r} is in {self.folder or 'the package'} "
                f"{count} times, and must be there once. Mend the mutant."
            )
        path, text = next((p, t) for p, t in texts.items() if self.old in t)
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")
        return path, text
