/// Who started this process as one rank of several, as its environment says.
///
/// Launchers know how many processes they start, MPI knows how many have found each other; only when the two agree is there
/// one job. Without that check, a launcher of one library and a program linked with another give N silent jobs of one rank.
package struct Launch: Equatable, Sendable {
  /// What starts ranks.
  package enum Launcher: String, Sendable {
    /// `mpirun` of Open MPI 4 or 5.
    case openMPI = "Open MPI's mpirun"
    /// Anything that speaks PMIx: `prterun`, `srun --mpi=pmix`.
    case pmix = "a PMIx launcher"
    /// MPICH's `mpiexec`, Intel MPI's, `srun --mpi=pmi2`.
    case pmi = "a PMI launcher (mpiexec of MPICH or Intel MPI, srun --mpi=pmi2)"
    /// `srun` that offers no way for ranks to find each other.
    case slurm = "srun"
  }

  /// The launcher.
  package let launcher: Launcher
  /// How many processes it says it started; nil when it does not say.
  package let size: Int?
  /// Which of them this is; nil when it does not say.
  package let rank: Int?
  /// How many of them are on this host; nil when it does not say.
  package let localSize: Int?

  /// The launch that an environment tells of; nil when this process stands alone.
  ///
  /// Open MPI's own count comes first: inside an allocation `mpirun` starts its daemons with `srun`, and the ranks inherit the
  /// `SLURM_STEP_*` of the daemons' step.
  package static func detect(_ environment: [String: String]) -> Launch? {
    let number = { (name: String) in environment[name].flatMap(Int.init) }
    if let size = number("OMPI_COMM_WORLD_SIZE") {
      return Launch(
        launcher: .openMPI, size: size, rank: number("OMPI_COMM_WORLD_RANK"), localSize: number("OMPI_COMM_WORLD_LOCAL_SIZE"))
    }
    if let rank = number("PMIX_RANK") {
      let isSlurm = environment["PMIX_NAMESPACE"]?.hasPrefix("slurm.") == true
      return Launch(launcher: .pmix, size: isSlurm ? number("SLURM_STEP_NUM_TASKS") : nil, rank: rank, localSize: nil)
    }
    if let size = number("PMI_SIZE") {
      return Launch(launcher: .pmi, size: size, rank: number("PMI_RANK"), localSize: number("MPI_LOCALNRANKS"))
    }
    // A batch script has SLURM_PROCID too, but no step; a step of one task needs nobody to find.
    guard environment["SLURM_STEP_ID"] != nil, let rank = number("SLURM_PROCID"), let size = number("SLURM_STEP_NUM_TASKS"),
      size > 1
    else { return nil }
    return Launch(launcher: .slurm, size: size, rank: rank, localSize: nil)
  }

  /// Why this launch cannot become one job, before MPI is started; nil when it may.
  func refusal(linkedWith library: String) -> LaunchError? {
    launcher == .slurm ? LaunchError(launch: self, found: 1, library: library) : nil
  }

  /// Why the world that MPI found is not the launcher's; nil when it is.
  func refusal(worldOf found: Int, rank foundRank: Int, linkedWith library: String) -> LaunchError? {
    let isOther = size.map { $0 != found } ?? false
    let isElsewhere = rank.map { $0 != foundRank && $0 >= found } ?? false
    return isOther || isElsewhere ? LaunchError(launch: self, found: found, library: library) : nil
  }
}

/// A launcher started processes that did not become one job.
package struct LaunchError: Error, CustomStringConvertible, Equatable {
  /// What started them.
  package let launch: Launch
  /// How many ranks MPI found.
  package let found: Int
  /// The MPI library that this program is linked with.
  package let library: String

  /// What happened and how to remedy it, in one sentence.
  package var description: String { "\(happening); \(remedy)" }

  /// What happened.
  package var happening: String {
    let promised = launch.size.map { "\($0) processes" } ?? "several processes"
    let got = found == 1 ? "each found itself alone" : "they found a world of \(found)"
    return "\(launch.launcher.rawValue) started \(promised), but \(got), so each would train a run of its own"
  }

  /// What to do.
  package var remedy: String {
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
