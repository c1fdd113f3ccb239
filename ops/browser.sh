# Sourced by ops/test, after ops/setup: the browser in which the stories look at the pages.
#
# One that is there is used: the one CHROMIUM names, else on PATH, else in the usual places. Without
# one, Debian's Chromium is installed; Google's Chrome on Ubuntu, whose chromium is a snap that can
# be had neither in a container nor without its service, and on macOS. Chrome's package also adds
# Google's archive to apt's sources, for its updates, and there is none for Ubuntu on ARM.
# shellcheck shell=bash

: "${root:?source ops/setup first}"

# Exports CHROMIUM. A name that only prints how to install a snap does not count as a browser.
find_browser() {
    local candidate
    for candidate in ${CHROMIUM:+"$CHROMIUM"} chromium google-chrome-stable google-chrome chrome chromium-browser \
        '/Applications/Chromium.app/Contents/MacOS/Chromium' \
        '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome' \
        /opt/google/chrome/chrome /snap/bin/chromium; do
        if has "$candidate" && "$candidate" --version >/dev/null 2>&1; then
            CHROMIUM=$(command -v "$candidate")
            export CHROMIUM
            return
        fi
        [ "$candidate" != "${CHROMIUM:-}" ] || die "CHROMIUM names $candidate, which does not run"
    done
    return 1
}

# Succeeds where apt knows a chromium that is a program and no way to a snap.
has_debian_chromium() {
    apt-cache show chromium 2>/dev/null | grep -q '^Package: chromium$' &&
        ! apt-cache show chromium 2>/dev/null | grep -qi snap
}

install_chrome_on_ubuntu() {
    local folder architecture by_hand='install Chrome or Chromium yourself, name it in CHROMIUM, then run this again'
    architecture=$(dpkg --print-architecture)
    [ "$architecture" = amd64 ] || die "Google has no Chrome for Ubuntu on $architecture: $by_hand"
    has curl || install_with_apt curl ca-certificates
    folder=$(mktemp -d)
    # apt reads it as a user of its own.
    chmod 755 "$folder"
    say 'fetching Google Chrome from dl.google.com: Ubuntu has its chromium as a snap only'
    say "its package adds Google's archive to the sources of apt, which keep it up to date"
    if ! curl --proto '=https' --tlsv1.2 -fsSL -o "$folder/google-chrome.deb" \
        "https://dl.google.com/linux/direct/google-chrome-stable_current_$architecture.deb"; then
        rm -rf -- "$folder"
        die "cannot fetch Google Chrome: $by_hand"
    fi
    install_with_apt fonts-dejavu-core "$folder/google-chrome.deb"
    rm -rf -- "$folder"
}

install_browser() {
    if has apt-get; then
        # A machine that has never asked knows no packages yet; install-debian asks.
        if ! has_debian_chromium && ! grep -qs '^ID=ubuntu' /etc/os-release; then install_with_apt ca-certificates; fi
        if has_debian_chromium; then
            # Fonts are only recommended, and without any a page is empty boxes.
            install_with_apt chromium fonts-dejavu-core
        else
            install_chrome_on_ubuntu
        fi
    elif [ "$(uname -s)" = Darwin ] && has brew; then
        say 'installing with brew: google-chrome'
        brew install --cask google-chrome >&2 || die 'brew failed; install Chrome or Chromium yourself, then run this again'
    fi
    hash -r
}

set_up_browser() {
    find_browser && return
    install_browser
    find_browser || die 'no Chromium or Chrome: install one, or name one in CHROMIUM, then run this again'
}

pictures=''

# Where the stories keep pictures of the pages: SCREENSHOTS, or a folder that only holds those.
choose_pictures() {
    if [ -z "${SCREENSHOTS:-}" ]; then
        SCREENSHOTS=${CARGO_TARGET_DIR:-$root/target}/screenshots
        rm -f -- "$SCREENSHOTS"/*.png
    fi
    mkdir -p "$SCREENSHOTS"
    # Tests run in a folder of their own.
    SCREENSHOTS=$(CDPATH='' cd -- "$SCREENSHOTS" && pwd -P)
    export SCREENSHOTS
    pictures=$SCREENSHOTS
}

# Says which pages there are pictures of, for the end of a run.
list_pictures() {
    local names
    names=$(find "${pictures:-/nowhere}" -name '*.png' 2>/dev/null | sed 's,.*/,,' | sort)
    [ -n "$names" ] || return 0
    printf '%s pictures in %s, each page on a phone and on a desk, light and dark:\n' \
        "$(printf '%s\n' "$names" | wc -l | tr -d ' ')" "$pictures"
    printf '%s\n' "$names" | sed 's/-[0-9]*x[0-9]*-.*//' | sort -u | sed 's/^/    /'
}
