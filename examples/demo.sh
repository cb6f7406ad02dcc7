#!/bin/sh
# Compress real trained networks on real labelled images, then use the result. Called by `make demo`.
set -eu
attar=$1
data=examples/fashion
out=build/demo
mkdir -p "$out"

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }

for net in lenet_300_100 lenet5; do
    say attar compress $data/$net.onnx --data $data/calibration.npz --eval-data $data/test.npz -o $out/$net.attar
    "$attar" compress $data/$net.onnx --data $data/calibration.npz --eval-data $data/test.npz -o $out/$net.attar
done

say attar inspect $out/lenet5.attar
"$attar" inspect $out/lenet5.attar

say attar verify $out/lenet5.attar --against $data/lenet5.onnx --data $data/test.npz
"$attar" verify $out/lenet5.attar --against $data/lenet5.onnx --data $data/test.npz

say attar export $out/lenet5.attar --to onnx -o $out/lenet5.onnx
"$attar" export $out/lenet5.attar --to onnx -o $out/lenet5.onnx

say attar run $out/lenet5.attar --input $data/test.npz
"$attar" run $out/lenet5.attar --input $data/test.npz
