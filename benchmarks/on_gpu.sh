#!/usr/bin/env bash
# Tests and measures the layers on a GPU, in ten minutes at most:
#
#     benchmarks/on_gpu.sh FOLDER           from the project's folder
#     benchmarks/on_gpu.sh FOLDER --quick   tiny sizes, to try the script on a CPU
#
# A step that fails or takes too long leaves its log and the others go on. Each
# benchmark writes its JSON after every cell; `steps.txt` says how each step ended.
set -uo pipefail
out=$(realpath -m "${1:?the folder for results}")
quick=${2:-}
mkdir -p "$out"
: >"$out/steps.txt"
end=$((SECONDS + ${ON_GPU_SECONDS:-570}))
export XLA_PYTHON_CLIENT_PREALLOCATE=false TF_FORCE_GPU_ALLOW_GROWTH=true
export JAX_COMPILATION_CACHE_DIR="$out/compiled" JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0

step() { # NAME SECONDS BACKEND ARGUMENTS...
    local name=$1 seconds=$2 backend=$3 left=$((end - SECONDS)) start=$SECONDS
    shift 3
    if ((left < 15)); then
        echo "$name: no time left" >>"$out/steps.txt"
        return
    fi
    KERAS_BACKEND=$backend timeout "$((left < seconds ? left : seconds))" \
        python -m "$@" >"$out/$name.log" 2>&1
    echo "$name: status $?, $((SECONDS - start)) s" >>"$out/steps.txt"
}

grid=(--only speed memory --features 1 128 --rounds 20 --seconds 4 --memory-time)
[[ $quick ]] && grid=(--quick --only speed)
# Exact products in the tests, whose tolerances are those of true float32.
exact() {
    NVIDIA_TF32_OVERRIDE=0 JAX_DEFAULT_MATMUL_PRECISION=highest step "$@"
}

backends=()
for backend in torch jax; do
    python -c "import $backend" 2>/dev/null && backends+=("$backend")
done

for backend in "${backends[@]}"; do
    [[ $quick ]] || step "$backend-device" 30 "$backend" tests.accelerator
    kernels=(tests/recurrence/test_acceleration.py)
    [[ $backend == torch ]] && kernels+=(tests/bistability/test_triton_kernel.py)
    exact "$backend-kernels" 60 "$backend" pytest -q -p no:cacheprovider "${kernels[@]}"
    # What is worth most comes first.
    step "$backend-bistable" 90 "$backend" benchmarks "${grid[@]}" --cells BRC NBRC \
        --out "$out/$backend-bistable"
done
for backend in "${backends[@]}"; do
    for precision in tf32 bfloat16; do
        step "$backend-$precision" 45 "$backend" benchmarks "${grid[@]}" --only speed \
            --cells BRC NBRC --precision "$precision" --out "$out/$backend-$precision"
    done
    step "$backend-others" 60 "$backend" benchmarks "${grid[@]}" --features 1 \
        --cells GammaRNN ModulatedLSTM AdaptiveLSTM ARUN --out "$out/$backend-others"
done
# JAX compiles for minutes here: last, with the time that is left.
for backend in "${backends[@]}"; do
    exact "$backend-paths" 300 "$backend" pytest -q -x -p no:cacheprovider \
        tests/recurrence/test_paths.py
done
rm -rf "$out/compiled"
cat "$out/steps.txt"
! grep -qv "status 0," "$out/steps.txt"
