#!/bin/sh
# Machines of a Slurm cluster that train together: sbatch slurm.sh
#SBATCH --job-name=training
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=02:00:00
#SBATCH --requeue

ADJOINT_TOKEN=$(openssl rand -hex 16)
FIRST=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export ADJOINT_TOKEN FIRST

# One agent on each machine, four ranks of four threads.
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" sh -c '
  exec node_modules/.bin/adjoint-run --nproc 4 --nnodes "$SLURM_NNODES" --node-rank "$SLURM_NODEID" \
    --rdzv "$FIRST:29500" --max-restarts 3 train.js'
