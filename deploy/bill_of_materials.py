"""Prints what cargo-cyclonedx wrote about one binary, without the folder that it was written in.

bill_of_materials.py FOLDER SERVICE
"""

import sys
from pathlib import Path

folder, service = Path(sys.argv[1]), sys.argv[2]
(written,) = (folder / "crates" / service).glob("*.json")
sys.stdout.write(written.read_text().replace(f"file://{folder}", "file://."))
