#!/bin/sh
# Installs npm and the Node.js binary for this machine's architecture into /usr/local, after checking their digests.
#     install_node.sh PACKAGES
set -eu

registry=${NPM_CONFIG_REGISTRY:-https://registry.npmjs.org}
case $(uname -m) in
    x86_64) kind=x64 ;;
    aarch64 | arm64) kind=arm64 ;;
    *)
        echo "there is no Node.js package for $(uname -m)" >&2
        exit 1
        ;;
esac

unpack() {
    name=$1 folder=$2
    line=$(grep "^$name " "$packages")
    version=$(echo "$line" | cut -d ' ' -f 2)
    digest=$(echo "$line" | cut -d ' ' -f 3)
    curl --silent --show-error --fail --location --retry 3 "${registry%/}/$name/-/$name-$version.tgz" --output /tmp/package.tgz
    echo "$digest  /tmp/package.tgz" | sha512sum --check --quiet
    mkdir -p "$folder"
    tar --extract --gzip --file /tmp/package.tgz --directory "$folder" --strip-components 1 --no-same-owner
    rm /tmp/package.tgz
}

packages=$1
unpack "node-linux-$kind" /tmp/node
install -m 755 /tmp/node/bin/node /usr/local/bin/node
rm -r /tmp/node
unpack npm /usr/local/lib/node_modules/npm
ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
chmod 755 /usr/local/lib/node_modules/npm/bin/npm-cli.js
npm --version
