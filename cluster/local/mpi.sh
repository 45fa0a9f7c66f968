#!/usr/bin/env bash
# Starts N ranks on this machine, whichever MPI is installed: as root, with more ranks than cores, in a container.
#
#   cluster/local/mpi.sh N COMMAND...
#
# PRECISE_MPIEXEC names the launcher when it is not the `mpirun` on PATH. For a training run on whole machines see cluster/.
set -euo pipefail
ranks=${1:?how many ranks}
shift
launcher=${PRECISE_MPIEXEC:-mpirun}

flags=()
case $("$launcher" --version 2>&1 || true) in
  *"Open MPI"* | *OpenRTE* | *PRRTE* | *prterun*)
    # Open MPI binds two ranks to a core each, whatever else runs on it, and refuses more ranks than cores.
    flags=(--bind-to none --map-by ":OVERSUBSCRIBE")
    [ "$(id -u)" -ne 0 ] || flags+=(--allow-run-as-root)
    # Waiting ranks let others run (4.x and 5.x read the same name).
    export OMPI_MCA_mpi_yield_when_idle=1
    # Containers forbid reading another process's memory, which 4.x reports with every message (4.x: vader, 5.x: sm).
    export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_smsc=^cma
    ;;
esac
exec "$launcher" "${flags[@]}" -n "$ranks" "$@"
