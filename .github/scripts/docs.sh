#!/usr/bin/env bash
# Puts the documentation of this commit on the branch gh-pages: docs.sh REF
#
# A tag such as v1.2.0 becomes the version 1.2.0, and "latest" if no tag is newer; any other REF becomes "dev". A visitor of the root is
# led to "latest", or to "dev" before the first release.
set -euo pipefail
export DOCS_VERSIONS=mike
ref=$1
newest=$(git tag --list 'v[0-9]*' --sort=-version:refname | head -n 1)

case $ref in
  v[0-9]*)
    if [ "$ref" = "$newest" ]; then
      mike deploy --update-aliases "${ref#v}" latest
      mike set-default latest
    else
      mike deploy "${ref#v}"
    fi
    ;;
  *)
    mike deploy dev
    mike list latest > /dev/null 2>&1 || mike set-default dev
    ;;
esac
