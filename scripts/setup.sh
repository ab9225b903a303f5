#!/usr/bin/env bash
# Installs what a make target needs, and only what is missing: Debian packages, and for the tests the
# players that tests/players/package-lock.json names.
#
#   scripts/setup.sh run      what headend itself needs: ffmpeg
#   scripts/setup.sh test     and what its tests need: a browser, npm, hls.js and dash.js
#   scripts/setup.sh bench    and what its benchmark needs: nginx as the measure, wrk as the client,
#                             the browser and the players, Icecast, and the transcoders and the relay of
#                             others that bench/peers/requirements.txt names, one of which loads libmediainfo
set -euo pipefail

wanted=${1:-run}

# program:package pairs of each use
needs=(ffmpeg:ffmpeg ffprobe:ffmpeg)
players=(chromium:chromium chromedriver:chromium-driver npm:npm)
case $wanted in
    run) ;;
    test) needs+=("${players[@]}") ;;
    bench) needs+=(nginx:nginx-light wrk:wrk icecast2:icecast2 mediainfo:mediainfo "${players[@]}") ;;
    *)
        echo "usage: $0 run|test|bench" >&2
        exit 2
        ;;
esac

missing=()
for pair in "${needs[@]}"; do
    program=${pair%%:*} package=${pair#*:}
    # nginx lies in /usr/sbin, which is not on every user's PATH
    PATH=$PATH:/usr/sbin command -v "$program" >/dev/null && continue
    [[ " ${missing[*]-} " == *" $package "* ]] || missing+=("$package")
done
if [[ $wanted == bench ]] && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    missing+=(python3-venv)
fi

install_packages() {
    if [[ $(id -u) -eq 0 ]]; then
        as_root=()
    elif command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
        as_root=(sudo)
    else
        echo "setup: please install these Debian packages as root: ${missing[*]}" >&2
        exit 3
    fi
    if ! command -v apt-get >/dev/null; then
        echo "setup: please install with your package manager what Debian calls: ${missing[*]}" >&2
        exit 3
    fi

    echo "setup: installing ${missing[*]}" >&2
    install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}")
    # The package lists may be missing or old: bring them up to date once, only then.
    if ! "${as_root[@]}" "${install[@]}" >&2; then
        "${as_root[@]}" apt-get update -q >&2
        "${as_root[@]}" "${install[@]}" >&2
    fi
}
[[ ${#missing[@]} -eq 0 ]] || install_packages

# npm leaves a note of what it installed; a lock file newer than that asks for it again.
folder=$(dirname "$0")/../tests/players
if [[ $wanted != run && ! $folder/node_modules/.package-lock.json -nt $folder/package-lock.json ]]; then
    echo "setup: installing the players" >&2
    npm ci --prefix "$folder" >&2
fi

# A note is left here, too. These are beside what is measured: it goes without them.
peers=$(dirname "$0")/../bench/peers
if [[ $wanted == bench && ! $peers/venv/installed -nt $peers/requirements.txt ]]; then
    echo "setup: installing the transcoders and the relay of others" >&2
    if python3 -m venv --clear "$peers/venv" >&2 &&
        "$peers/venv/bin/pip" install -q -r "$peers/requirements.txt" >&2; then
        touch "$peers/venv/installed"
    else
        echo "setup: they cannot be installed; measuring without them" >&2
    fi
fi
