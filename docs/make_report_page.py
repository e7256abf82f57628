"""Makes docs/img/report_page.png, page one of the quickstart's report: `python docs/make_report_page.py`.

It takes a minute or two and needs Chromium or Chrome on PATH (`apt-get install chromium`); without one it says so and
leaves the picture as it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image  # comes with matplotlib

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "img" / "report_page.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 900, 1085  # pixels of the window: the height ends below the data behind the prices
COLORS = 64  # of the picture, which is text and a few areas


def main() -> int:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"no {' or '.join(BROWSERS)}: {PICTURE.name} is left as it is")
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenario = str(ROOT / "examples" / "quickstart.toml")
        run = [sys.executable, "-m", "stress", "run", scenario, "--out", "run", "--studies", "-q"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        subprocess.run(run, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        shot = folder / "page.png"
        quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        size = ["--hide-scrollbars", f"--window-size={WIDTH},{HEIGHT}", f"--user-data-dir={folder / 'profile'}"]
        page = (folder / "run" / "report.html").as_uri()
        subprocess.run([browser, *quiet, *size, f"--screenshot={shot}", page], check=True, stderr=subprocess.DEVNULL)
        Image.open(shot).convert("RGB").quantize(COLORS).save(PICTURE, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
