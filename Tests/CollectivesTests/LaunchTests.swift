import Testing

@testable import Collectives

/// What an environment says about who started a process, and when ranks are refused.
@Suite struct LaunchTests {
  @Test func aloneThereIsNoLaunch() {
    #expect(Launch.detect([:]) == nil)
    #expect(Launch.detect(["PATH": "/bin", "OMPI_MCA_btl": "self", "SLURM_JOB_ID": "7", "SLURM_NTASKS": "4"]) == nil)
    #expect(Launch.detect(["OMPI_COMM_WORLD_SIZE": "many"]) == nil)
  }

  @Test func openMPICountsItsOwn() {
    let environment = ["OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"]
    let expected = Launch(launcher: .openMPI, size: 4, rank: 3, localSize: 2)
    #expect(Launch.detect(environment) == expected)
    // Version 5 and PRRTE set both; mpirun inside an allocation starts its daemons as a step of srun, one for each host.
    let more = ["PMIX_RANK": "3", "PMI_SIZE": "9", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"]
    #expect(Launch.detect(environment.merging(more) { first, _ in first }) == expected)
  }

  @Test func pmixOfSlurmHasTheStepsSize() {
    let environment = [
      "PMIX_RANK": "1", "PMIX_NAMESPACE": "slurm.pmix.12.0", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "3",
      "SLURM_PROCID": "1",
    ]
    #expect(Launch.detect(environment) == Launch(launcher: .pmix, size: 3, rank: 1, localSize: nil))
    // Under another PMIx server the step may be the daemons' own.
    let other = environment.merging(["PMIX_NAMESPACE": "prterun-host-5@1"]) { $1 }
    #expect(Launch.detect(other) == Launch(launcher: .pmix, size: nil, rank: 1, localSize: nil))
  }

  @Test func hydraCountsItsOwn() {
    let environment = ["PMI_SIZE": "2", "PMI_RANK": "0", "MPI_LOCALNRANKS": "2", "MPI_LOCALRANKID": "0"]
    #expect(Launch.detect(environment) == Launch(launcher: .pmi, size: 2, rank: 0, localSize: 2))
  }

  @Test func onlyARealStepOfSeveralTasksIsALaunch() {
    let step = ["SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "2", "SLURM_NTASKS": "4"]
    #expect(Launch.detect(step) == Launch(launcher: .slurm, size: 4, rank: 2, localSize: nil))
    // The batch script itself, and a step of one task.
    #expect(Launch.detect(["SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "7"]) == nil)
    #expect(Launch.detect(step.merging(["SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"]) { $1 }) == nil)
  }

  @Test func aStepWithoutPMIIsRefusedBeforeMPIStarts() throws {
    let launch = Launch(launcher: .slurm, size: 4, rank: 2, localSize: nil)
    let refusal = try #require(launch.refusal(linkedWith: "Open MPI 4.1.4"))
    #expect(
      refusal.description == "srun started 4 processes, but each found itself alone, so each would train a run of its own; "
        + "precise is linked with Open MPI 4.1.4: use srun --mpi=pmix (srun --mpi=list says whether this Slurm has it), "
        + "or mpirun inside the allocation")
    #expect(launch.refusal(linkedWith: "MPICH 4.0.2")?.description.contains("--mpi=pmi2") == true)
    #expect(throws: LaunchError.self) { try MPIWorld.start(launch) }
    #expect(Launch(launcher: .openMPI, size: 4, rank: 2, localSize: nil).refusal(linkedWith: "Open MPI 4.1.4") == nil)
  }

  @Test(arguments: [
    (Launch.Launcher.pmi, "Open MPI 4.1.4", "Open MPI's mpirun, not with the mpiexec of MPICH"),
    (.openMPI, "MPICH 4.0.2", "that library's mpiexec, not with Open MPI's mpirun"),
    (.openMPI, "Open MPI 4.1.4", "the launcher of the same library and version"),
  ]) func anotherWorldIsRefused(launcher: Launch.Launcher, library: String, remedy: String) throws {
    let launch = Launch(launcher: launcher, size: 3, rank: 0, localSize: nil)
    let refusal = try #require(launch.refusal(worldOf: 1, rank: 0, linkedWith: library))
    #expect(refusal.description.contains("started 3 processes, but each found itself alone"))
    #expect(refusal.description.contains("linked with \(library)") && refusal.description.contains(remedy))
    #expect(launch.refusal(worldOf: 2, rank: 0, linkedWith: library)?.description.contains("a world of 2") == true)
    #expect(launch.refusal(worldOf: 3, rank: 0, linkedWith: library) == nil)
  }

  @Test func aRankOutsideTheWorldIsRefusedWhateverTheSize() {
    let launch = Launch(launcher: .pmix, size: nil, rank: 2, localSize: nil)
    #expect(launch.refusal(worldOf: 1, rank: 0, linkedWith: "Open MPI 4.1.4") != nil)
    #expect(launch.refusal(worldOf: 3, rank: 2, linkedWith: "Open MPI 4.1.4") == nil)
  }

  @Test(arguments: [
    ("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4", "Open MPI 4.1.4"),
    ("MPICH Version:\t4.0.2\nMPICH Release date:\tThu Apr  7", "MPICH 4.0.2"),
    ("Intel(R) MPI Library 2021.19 for Linux* OS\n", "Intel(R) MPI Library 2021.19 for Linux*"),
    ("", ""),
  ]) func librariesHaveShortNames(text: String, name: String) {
    #expect(MPIWorld.name(ofLibrary: text) == name)
  }

  @Test func aUserNamespaceForbidsSingleCopy() {
    #expect(!SingleCopy.isForbidden(userMap: "         0          0 4294967295\n") && !SingleCopy.isForbidden(userMap: nil))
    #expect(SingleCopy.isForbidden(userMap: "         0       1000          1\n"))
  }

  @Test func theLibraryIsKnownWithoutStartingIt() {
    #expect(!MPIWorld.library.isEmpty)
  }

  @Test func aLibraryWithoutThreadsIsRefused() throws {
    let refusal = try #require(ThreadLevelError(level: "single", library: "MPI 1"))
    #expect(refusal.description.hasPrefix("MPI 1 promises MPI_THREAD_SINGLE"))
    for level in ["funneled", "serialized", "multiple"] { #expect(ThreadLevelError(level: level, library: "MPI 1") == nil) }
  }

  @Test func anErrorNamesCallRankAndText() {
    #expect(throws: Never.self) { try check("MPI_Nothing", rank: 1) { 0 } }
    let failure = #expect(throws: MPIError.self) { try check("MPI_Testall", rank: 2) { -1 } }
    #expect(failure?.description == "rank 2: MPI_Testall failed: fewer bytes came than the receiver was told to expect")
    #expect(
      MPIError(call: "MPI_Init_thread", rank: nil, code: 16, text: "").description == "MPI_Init_thread failed: MPI's code 16")
  }
}
