#!/usr/bin/env bash
# Bundles the viewer's page into the package. Needs npm; the versions are pinned in package.json.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
out=../../src/clipface_cli/artifacts/viewer
npm install --silent --no-audit --no-fund --no-package-lock
mkdir -p "$out"
node_modules/.bin/esbuild main.js --bundle --minify --format=esm --target=es2022 \
  --legal-comments=none --outfile="$out/viewer.js" --log-level=warning
cp index.html "$out/index.html"
cp node_modules/three/LICENSE "$out/LICENSE.three.txt"
ls -l "$out"
