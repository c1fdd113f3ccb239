# Sourced by the commands that test: sets `features`, the list that every step of theirs names, so
# that nothing is built twice. The stories move one clock that every process reads, and some faults
# are built in to be found; both are behind features that release builds refuse.
# shellcheck shell=bash
# shellcheck disable=SC2034 # for whoever sources this

: "${root:?source ops/setup first}"

features=''
for manifest in "$root"/crates/*/Cargo.toml; do
    name=$(sed -n 's/^name = "\(.*\)"/\1/p' "$manifest" | head -n 1)
    for feature in test-clock negative-controls; do
        if grep -q "^$feature *=" "$manifest"; then features="$features,$name/$feature"; fi
    done
done
features=${features#,}
