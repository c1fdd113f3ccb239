# Each recipe is one command a person could type; `just` only saves the typing.

# list the recipes
default:
    @just --list

# every check, or with arguments those tests only: just test -p bellhop-store
test *arguments:
    ./ops/test {{arguments}}

# play the main job visibly, then stay up; --once ends after the story
demo *arguments:
    ./ops/demo {{arguments}}

# break everything at once and look what was lost; --minutes 2 is shorter, --seed N repeats
chaos *arguments:
    ./ops/chaos {{arguments}}

# let twenty thousand jobs be due at once; every run of the tests does it with one thousand
drain:
    DUE_JOBS=20000 ./ops/test -p bellhop-tests --test stories many_due_jobs_drain

# refresh the committed query descriptions after a change of SQL; --check only compares
prepare *arguments:
    ./ops/prepare {{arguments}}
