"""Packs the extension for Visual Studio Code without network: ``python -m editors.package``.

A `.vsix` file is a zip archive (Open Packaging Conventions) of the extension's folder and two lists
of what is in it.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

FOLDER = Path(__file__).parent / "vscode"
TYPES = {
    ".json": "application/json",
    ".js": "application/javascript",
    ".md": "text/markdown",
    ".vsixmanifest": "text/xml",
    "": "text/plain",
}
ASSETS = {
    "Code.Manifest": "package.json",
    "Services.Content.Details": "README.md",
    "Services.Content.License": "LICENSE",
}
"""What the editor shows of an extension, and where it is."""
ADDED = (1980, 1, 1, 0, 0, 0)
"""The time of every entry, so that the same files give the same bytes."""


def package(target: Path) -> Path:
    """Write the archive into a folder and return its path."""
    about = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    path = target / f"{about['name']}-{about['version']}.vsix"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (
            ("extension.vsixmanifest", manifest(about)),
            ("[Content_Types].xml", content_types()),
        ):
            archive.writestr(zipfile.ZipInfo(name, ADDED), text)
        for file in files():
            entry = zipfile.ZipInfo(f"extension/{file.relative_to(FOLDER).as_posix()}", ADDED)
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return path


def files() -> list[Path]:
    """Return what is packed."""
    return sorted(p for p in FOLDER.rglob("*") if p.is_file() and p.suffix != ".vsix")


def content_types() -> str:
    """Return the list of what kind each file is."""
    rows = "".join(
        f'<Default Extension="{suffix.lstrip(".")}" ContentType="{kind}"/>'
        if suffix
        else f'<Override PartName="/extension/LICENSE" ContentType="{kind}"/>'
        for suffix, kind in TYPES.items()
    )
    space = "http://schemas.openxmlformats.org/package/2006/content-types"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<Types xmlns="{space}">{rows}</Types>\n'


def manifest(about: dict[str, object]) -> str:
    """Return what the editor reads of an extension before it installs it."""
    engine = about["engines"]["vscode"]  # type: ignore[index]
    words = ",".join(about["categories"])  # type: ignore[arg-type]
    name, version, publisher = (quoteattr(str(about[k])) for k in ("name", "version", "publisher"))
    assets = "\n".join(
        f'    <Asset Type="Microsoft.VisualStudio.{kind}" Path="extension/{path}" '
        'Addressable="true"/>'
        for kind, path in ASSETS.items()
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id={name} Version={version} Publisher={publisher}/>
    <DisplayName>{escape(str(about["displayName"]))}</DisplayName>
    <Description xml:space="preserve">{escape(str(about["description"]))}</Description>
    <Categories>{escape(words)}</Categories>
    <Properties>
      <Property Id="Microsoft.VisualStudio.Code.Engine" Value={quoteattr(engine)}/>
    </Properties>
    <License>extension/LICENSE</License>
  </Metadata>
  <Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
  <Dependencies/>
  <Assets>
{assets}
  </Assets>
</PackageManifest>
"""


if __name__ == "__main__":
    print(package(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
