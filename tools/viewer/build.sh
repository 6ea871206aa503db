#!/usr/bin/env bash
# Bundles the script of the viewer's page, beside index.html in the package. Needs npm; the versions are
# pinned in package.json.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
out=../../src/clipface_cli/artifacts/viewer
npm install --silent --no-audit --no-fund --no-package-lock
mkdir -p "$out"
node_modules/.bin/esbuild main.js --bundle --minify --format=esm --target=es2022 \
  --legal-comments=none --outfile="$out/viewer.js" --log-level=warning
cp node_modules/three/LICENSE "$out/LICENSE.three.txt"
ls -l "$out"
