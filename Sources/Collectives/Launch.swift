/// Who started this process as one rank of several, as its environment says.
///
/// Launchers know how many processes they start, MPI knows how many have found each other; only when the two agree is there
/// one job. Without that check, a launcher of one library and a program linked with another give N silent jobs of one rank.
public struct Launch: Equatable, Sendable {
  /// What starts ranks.
  public enum Launcher: String, Sendable {
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
  public let launcher: Launcher
  /// How many processes it says it started; nil when it does not say.
  public let size: Int?
  /// Which of them this is; nil when it does not say.
  public let rank: Int?
  /// How many of them are on this host; nil when it does not say.
  public let localSize: Int?

  /// The launch that an environment tells of; nil when this process stands alone.
  ///
  /// Open MPI's own count comes first: inside an allocation `mpirun` starts its daemons with `srun`, and the ranks inherit the
  /// `SLURM_STEP_*` of the daemons' step.
  public static func detect(_ environment: [String: String]) -> Launch? {
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
