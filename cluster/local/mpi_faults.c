/* Lets MPI go wrong while it starts: test-mpi.sh preloads it. MPI_FAULT says what:
 *
 *   single   the library promises MPI_THREAD_SINGLE, whatever was asked for
 *   dup      no rank can duplicate the world's communicator
 *   dup-one  the last rank cannot, while the others wait for it in the call */
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

static int asked(const char *what) {
  const char *fault = getenv("MPI_FAULT");
  return fault && strcmp(fault, what) == 0;
}

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
  int code = PMPI_Init_thread(argc, argv, required, provided);
  if (asked("single")) *provided = MPI_THREAD_SINGLE;
  return code;
}

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm *made) {
  int rank = 0, size = 1;
  PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
  PMPI_Comm_size(MPI_COMM_WORLD, &size);
  if (asked("dup") || (asked("dup-one") && rank == size - 1)) return MPI_ERR_NO_MEM;
  return PMPI_Comm_dup(comm, made);
}
