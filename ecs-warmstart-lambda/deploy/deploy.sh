#!/usr/bin/env bash
# Builds the function for Lambda and deploys it with everything around it, or removes all of that.
# Needs: Rust, Python 3.11 with pip, the AWS CLI, and an S3 bucket for the packages.
set -euo pipefail

usage() {
    cat <<'EOF'
usage: deploy.sh deploy --stack NAME --bucket BUCKET [OPTIONS] [PARAMETER=VALUE ...]
       deploy.sh package [OPTIONS]
       deploy.sh remove --stack NAME

  deploy    build, package, deploy the stack, and print its outputs
  package   build and package only; prints the path of the zip
  remove    delete the stack. Tasks that run are not touched: send `Stop ECS Tasks` first

  --stack NAME           the stack, and the beginning of the names of what is in it
  --bucket BUCKET        where the packages are uploaded to
  --architecture ARCH    arm64 (the default) or x86_64
  --config FILE          packs this warmstart.toml beside the binary, and sets Config to its name
  --binary FILE          packs this binary instead of building one
  PARAMETER=VALUE        parameters of template.yaml. An update keeps those that are not given

example:
  deploy.sh deploy --stack warmstart --bucket my-packages --config warmstart.toml \
    ClusterArns=arn:aws:ecs:us-east-2:111122223333:cluster/authapi-cluster \
    TaskDefinitionArns='arn:aws:ecs:us-east-2:111122223333:task-definition/authapi-task-def:*' \
    TaskRoleArns=arn:aws:iam::111122223333:role/authapi-task,arn:aws:iam::111122223333:role/authapi-execution \
    TargetGroupArns=arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef
EOF
}

refuse() {
    printf 'deploy.sh: %s\n' "$1" >&2
    printf 'deploy.sh --help says how it is called\n' >&2
    exit 2
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
crate=$(dirname "$here")
target=${CARGO_TARGET_DIR:-$(dirname "$crate")/target}

# cargo-lambda brings a C compiler and a linker for both processors. Pinned, in an environment of its own.
cargo_lambda() {
    local tools=$target/cargo-lambda
    if ! cmp -s "$here/requirements.txt" "$tools/requirements.txt"; then
        python3 -m venv --clear "$tools"
        "$tools/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
        cp "$here/requirements.txt" "$tools/requirements.txt"
    fi
    if [[ $architecture == arm64 ]] && command -v rustup >/dev/null; then
        rustup target add aarch64-unknown-linux-gnu >&2
    fi
    # In the crate's directory: its .cargo/config.toml is for this build alone. The profile says all about optimizations;
    # those that cargo-lambda adds would make a panic end the process before the runtime can report it.
    (cd "$crate" && PATH="$tools/bin:$PATH" CARGO_TARGET_DIR=$target \
        cargo lambda build --locked --profile release-lambda --disable-optimizations \
        --"${architecture/x86_64/x86-64}" >&2)
}

# Packs the binary as `bootstrap`, executable, and the configuration beside it. The same input, the same bytes.
pack() {
    python3 - "$1" "$2" "${config:-}" <<'EOF'
import os, sys, zipfile

archive, binary, config = sys.argv[1:4]
files = [(binary, "bootstrap", 0o755)]
if config:
    files.append((config, os.path.basename(config), 0o644))
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=int(os.environ.get("ZIP_LEVEL", "9"))) as package:
    for path, name, mode in files:
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.create_system = 3
        entry.external_attr = (0o100000 | mode) << 16
        with open(path, "rb") as file:
            package.writestr(entry, file.read())
EOF
}

package() {
    if [[ -z ${binary:-} ]]; then
        cargo_lambda
        binary=$target/lambda/ecs-warmstart-lambda/bootstrap
    fi
    mkdir -p "$staged"
    pack "$staged/bootstrap.zip" "$binary"
}

deploy() {
    [[ -n ${stack:-} ]] || refuse "--stack is missing"
    [[ -n ${bucket:-} ]] || refuse "--bucket is missing"
    package
    # The paths in the template are those of its own directory, where the archive is now as well.
    cp "$here/template.yaml" "$here"/*.asl.json "$staged"
    local packaged=$staged/packaged.yaml
    aws cloudformation package --template-file "$staged/template.yaml" --s3-bucket "$bucket" \
        --s3-prefix "$stack" --output-template-file "$packaged" >/dev/null
    parameters+=("Architecture=$architecture")
    if [[ -n ${config:-} ]]; then
        parameters+=("Config=$(basename "$config")")
    fi
    aws cloudformation deploy --template-file "$packaged" --stack-name "$stack" \
        --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-fail-on-empty-changeset \
        --parameter-overrides "${parameters[@]}"
    aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query 'Stacks[0].Outputs[].[OutputKey, OutputValue]'
}

[[ $# -gt 0 ]] || { usage >&2; exit 2; }
command=$1
shift
architecture=arm64
parameters=()
while [[ $# -gt 0 ]]; do
    case $1 in
        --stack | --bucket | --architecture | --config | --binary)
            [[ $# -gt 1 ]] || refuse "$1 takes a value"
            declare "${1#--}=$2"
            shift 2
            ;;
        -h | --help) usage; exit ;;
        -*) refuse "there is no option $1" ;;
        *=*) parameters+=("$1"); shift ;;
        *) refuse "not PARAMETER=VALUE: $1" ;;
    esac
done
[[ $architecture == arm64 || $architecture == x86_64 ]] || refuse "--architecture is arm64 or x86_64, not $architecture"
for file in "${config:-}" "${binary:-}"; do
    [[ -z $file || -f $file ]] || refuse "there is no file $file"
done

staged=$target/lambda/packages/${stack:-unnamed}

case $command in
    deploy) deploy ;;
    package) package; printf '%s\n' "$staged/bootstrap.zip" ;;
    remove)
        [[ -n ${stack:-} ]] || refuse "--stack is missing"
        aws cloudformation delete-stack --stack-name "$stack"
        aws cloudformation wait stack-delete-complete --stack-name "$stack"
        ;;
    -h | --help | help) usage ;;
    *) refuse "there is no command $command" ;;
esac
