#!/bin/sh
# Audits images with docker userns, for the action next to this file and for
# ../../gitlab/audit-image.yml: prints what is wrong, and writes SARIF.
#
#   IMAGES          what to audit, separated by white space
#   SARIF           the file to write (default: userns-audit.sarif)
#   DOCKERFILE      the Dockerfile of the images
#   ID_MAP          the ID map to audit for, such as 0:100000:65536
#   VERSION         the release to install, such as 1.2.3
#   DOCKER_USERNS   a program to use instead of a release
#   RELEASES        where releases are
#
# The exit code is that of audit-image: 1 if it found something.
set -eu

fetch() { # URL FILE
	if command -v curl >/dev/null; then
		curl -fsSL -o "$2" "$1"
	else
		wget -q -O "$2" "$1"
	fi
}

# install_release puts the release into a new folder, and sets program.
install_release() {
	version=${VERSION:?names no release}
	version=${version#v}
	case $(uname -m) in
	x86_64) arch=amd64 ;;
	aarch64 | arm64) arch=arm64 ;;
	*)
		echo "audit-image: there is no release for $(uname -m)" >&2
		exit 2
		;;
	esac
	name=docker-userns_${version}_$(uname -s | tr '[:upper:]' '[:lower:]')_$arch
	from=${RELEASES:-https://github.com/docker-userns/docker-userns/releases/download}/v$version
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	fetch "$from/SHA256SUMS" "$dir/SHA256SUMS"
	fetch "$from/$name.tar.gz" "$dir/$name.tar.gz"
	(cd "$dir" && grep -F "  $name.tar.gz" SHA256SUMS >SUM && sha256sum -c SUM >&2 && tar -xzf "$name.tar.gz") || {
		echo "audit-image: $name.tar.gz is not the file that SHA256SUMS names" >&2
		exit 2
	}
	program=$dir/$name/docker-userns
}

program=${DOCKER_USERNS:-}
[ -n "$program" ] || install_release

set -f # names of images are no patterns
# shellcheck disable=SC2086
set -- -- ${IMAGES:?names no image} # which are no options either
[ -z "${ID_MAP:-}" ] || set -- --id-map "$ID_MAP" "$@"
[ -z "${DOCKERFILE:-}" ] || set -- --dockerfile "$DOCKERFILE" "$@"
code=0
"$program" audit-image "$@" || code=$?
[ "$code" -le 1 ] || exit "$code"
"$program" audit-image --format sarif "$@" >"${SARIF:-userns-audit.sarif}" || [ $? -eq 1 ]
exit "$code"
