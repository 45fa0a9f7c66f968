/// A launcher started processes that did not become one job.
public struct LaunchError: Error, CustomStringConvertible, Equatable {
  /// What started them.
  public let launch: Launch
  /// How many ranks MPI found.
  public let found: Int
  /// The MPI library that this program is linked with.
  public let library: String

  /// What happened and how to mend it, in one sentence.
  public var description: String { "\(happening); \(mend)" }

  /// What happened.
  public var happening: String {
    let promised = launch.size.map { "\($0) processes" } ?? "several processes"
    let got = found == 1 ? "each found itself alone" : "they found a world of \(found)"
    return "\(launch.launcher.rawValue) started \(promised), but \(got), so each would train a run of its own"
  }

  /// What to do.
  public var mend: String {
    let ours = "precise is linked with \(library)"
    let isOpenMPI = library.hasPrefix("Open MPI")
    switch launch.launcher {
    case .slurm where isOpenMPI:
      return "\(ours): use srun --mpi=pmix (srun --mpi=list says whether this Slurm has it), or mpirun inside the allocation"
    case .slurm:
      return "\(ours): use srun --mpi=pmi2 or --mpi=pmix (srun --mpi=list says what this Slurm has), or mpiexec inside the "
        + "allocation"
    case .pmi where isOpenMPI:
      return "\(ours): start it with Open MPI's mpirun, not with the mpiexec of MPICH or Intel MPI, nor with srun --mpi=pmi2"
    case .openMPI where !isOpenMPI:
      return "\(ours): start it with that library's mpiexec, not with Open MPI's mpirun"
    default:
      return "\(ours): start it with the launcher of the same library and version"
    }
  }
}
