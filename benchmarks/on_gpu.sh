#!/usr/bin/env bash
# Tests and measures the layers on a GPU, in ten minutes at most:
#
#     benchmarks/on_gpu.sh FOLDER           with torch and JAX, or one of them
#     benchmarks/on_gpu.sh FOLDER --quick   tiny sizes, to try the script on a CPU
#
# It needs Keras, pytest, hypothesis and matplotlib besides. A step that fails or takes
# too long leaves its log, and the others go on; each benchmark writes its JSON after
# every measurement. FOLDER gets `steps.txt`, which says how each step ended, and
# `results.tar.gz`, packed anew after every step.
set -uo pipefail
out=$(realpath -m "${1:?the folder for results}")
quick=${2:-}
cd "$(dirname "$0")/.." || exit
mkdir -p "$out"
: >"$out/steps.txt"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/results"
end=$((SECONDS + ${ON_GPU_SECONDS:-570}))
export PYTHONUNBUFFERED=1 XLA_PYTHON_CLIENT_PREALLOCATE=false TF_FORCE_GPU_ALLOW_GROWTH=true
export JAX_COMPILATION_CACHE_DIR="$work/compiled" JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0

step() { # NAME SECONDS BACKEND ARGUMENTS...
    local name=$1 seconds=$2 backend=$3 left=$((end - SECONDS)) start=$SECONDS
    shift 3
    if ((left < 15)); then
        echo "$name: no time left" >>"$out/steps.txt"
        return
    fi
    KERAS_BACKEND=$backend timeout -k 5 "$((left < seconds ? left : seconds))" \
        python3 -m "$@" >"$work/results/$name.log" 2>&1
    echo "$name: status $?, $((SECONDS - start)) s" >>"$out/steps.txt"
    tar -C "$work" -czf "$out/results.tar.gz" results
}

# Exact products in the tests, whose tolerances are those of true float32; and no
# warning of other versions than those that the project is tested with ends one.
tests() { # NAME SECONDS BACKEND FILES...
    local name=$1 seconds=$2 backend=$3
    shift 3
    NVIDIA_TF32_OVERRIDE=0 JAX_DEFAULT_MATMUL_PRECISION=highest step "$name" "$seconds" \
        "$backend" pytest -q -W default -p no:cacheprovider "$@"
}

benchmark() { # NAME SECONDS BACKEND OPTIONS...
    local name=$1 seconds=$2 backend=$3
    shift 3
    step "$name" "$seconds" "$backend" benchmarks "${grid[@]}" "$@" \
        --out "$work/results/$name"
}

grid=(--rounds 20 --seconds 3)
features=(1 128)
[[ $quick ]] && grid=(--quick) && features=(1)

backends=()
for backend in torch jax; do
    KERAS_BACKEND=$backend python3 -c "import $backend, keras" 2>"$work/results/$backend.log" &&
        backends+=("$backend")
done
if ! ((${#backends[@]})); then
    cat "$work"/results/*.log
    echo "Neither torch nor JAX can be imported together with Keras: see above."
    exit 1
fi

for backend in "${backends[@]}"; do
    [[ $quick ]] || step "$backend-device" 30 "$backend" tests.accelerator
    kernels=(tests/recurrence/test_acceleration.py)
    [[ $backend == torch ]] && kernels+=(tests/bistability/test_triton_kernel.py)
    tests "$backend-kernels" 60 "$backend" "${kernels[@]}"
    # What is worth most comes first.
    benchmark "$backend-bistable" 90 "$backend" --only speed --cells BRC NBRC \
        --features "${features[@]}"
done
for backend in "${backends[@]}"; do
    for precision in tf32 bfloat16; do
        benchmark "$backend-$precision" 45 "$backend" --only speed --cells BRC NBRC \
            --features 1 --precision "$precision"
    done
    benchmark "$backend-others" 60 "$backend" --only speed --features 1 \
        --cells GammaRNN ModulatedLSTM AdaptiveLSTM ARUN
    benchmark "$backend-memory" 60 "$backend" --only memory --features 1 \
        --cells BRC --memory-time
done
# JAX compiles for minutes here: last, with the time that is left.
for backend in "${backends[@]}"; do
    tests "$backend-paths" 300 "$backend" tests/recurrence/test_paths.py
done
cat "$out/steps.txt"
! grep -qv "status 0," "$out/steps.txt"
