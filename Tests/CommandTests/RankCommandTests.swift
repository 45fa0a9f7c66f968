import Files
import Foundation
import TestSupport
import Testing

/// The commands that many ranks share: the same results on any number of them, and nobody waits for a rank that is gone.
@Suite(.serialized) struct RankCommandTests {
  private let folder: TemporaryFolder
  private let world: CommandWorld

  init() throws {
    folder = try TemporaryFolder()
    world = try CommandWorld.shared()
  }

  private func run(_ arguments: String..., setting variables: [String] = []) throws -> CommandResult {
    try CommandRunner.run(arguments, in: folder.path, setting: variables)
  }

  private func train(_ output: String, _ more: String..., setting variables: [String] = []) throws -> CommandResult {
    try CommandRunner.run(
      ["train", "--config", world.config, "--data", world.dataset, "--out", output] + more, in: folder.path,
      setting: variables)
  }

  @Test func evaluationHasTheSameDigits() throws {
    let copy = folder.file("run")
    try FileManager.default.copyItem(atPath: world.run, toPath: copy)
    let outputs = try [1, 2, 3, 5].map { ranks in
      let outcome = try run("evaluate", copy, "--json", "--quiet", "--ranks", "\(ranks)")
      #expect(outcome.code == 0, "\(outcome.errors)")
      return outcome.output
    }
    #expect(outputs[0].contains("ndcg@10"))
    #expect(outputs.allSatisfy { $0 == outputs[0] })
  }

  @Test func exportsAndScoresHaveTheSameBytes() throws {
    let users = try world.id("interactions.csv", column: 0)
    let item = try world.id("interactions.csv", column: 1)
    try folder.write("pairs.csv", "user,item\n\(users),\(item)\n")
    for ranks in ["1", "3"] {
      #expect(try run("export", world.run, "--out", "e\(ranks)", "--quiet", "--ranks", ranks).code == 0)
      #expect(
        try run("score", world.run, "--pairs", "pairs.csv", "--out", "s\(ranks).csv", "--quiet", "--ranks", ranks).code == 0)
    }
    // These two say when they were written.
    let dated = ["export.json", "model_card.md"]
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("e1")).filter { !dated.contains($0) }
    #expect(names.count == 4)
    for name in names {
      #expect(FileManager.default.contentsEqual(atPath: folder.file("e1/\(name)"), andPath: folder.file("e3/\(name)")), "\(name)")
    }
    #expect(FileManager.default.contentsEqual(atPath: folder.file("s1.csv"), andPath: folder.file("s3.csv")))
  }

  @Test func encodingsHaveTheSameBytes() throws {
    let files = ["token_states.safetensors", "text_vectors.safetensors", "encode.json"]
    let copy = folder.file("dataset")
    try FileManager.default.copyItem(atPath: world.dataset, toPath: copy)
    for ranks in ["2", "5"] {
      for file in files { try FileManager.default.removeItem(atPath: "\(copy)/\(file)") }
      let outcome = try run("encode", copy, "--dim", "8", "--tokens", "4", "--ranks", ranks)
      #expect(outcome.code == 0 && outcome.output.contains("hashed: 60 items, "), "\(outcome.errors)")
      for file in files {
        #expect(FileManager.default.contentsEqual(atPath: "\(copy)/\(file)", andPath: "\(world.dataset)/\(file)"), "\(file)")
      }
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: copy)
    #expect(try names.sorted() == FileManager.default.contentsOfDirectory(atPath: world.dataset).sorted())
  }

  /// One sentence, the states that were there stay, and nothing is left beside them.
  @Test func anEncodingThatFailsLeavesTheOld() throws {
    let copy = folder.file("dataset")
    try FileManager.default.copyItem(atPath: world.dataset, toPath: copy)
    let before = try FileManager.default.contentsOfDirectory(atPath: copy).sorted()
    // Two items' vectors are none: the first of the data set is named, not the first of the file.
    let ids = (1...60).compactMap { try? world.id("items.csv", column: 0, line: $0) }
    let order = try SafetensorsFile(path: "\(copy)/items.safetensors").withValues(
      "ids_bytes", as: UInt8.self, .u8, shape: [nil]
    ) { String(decoding: $0, as: UTF8.self) }
    let first = try #require(ids.first { order.hasPrefix($0) })
    let bad = [ids.last { $0 != first } ?? "", first]
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }"
    let bytes = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
    try folder.write("v.npy", Data(bytes + [0, 0, 0x80, 0x7F, 0, 0, 0x80, 0x7F]))
    try folder.write("v.npy.ids.txt", bad.map { "\($0)\n" }.joined())
    for ranks in ["1", "2", "5"] {
      let outcome = try run("encode", copy, "--vectors", "v.npy", "--ranks", ranks)
      #expect(outcome.code == 65 && outcome.errorLines.count { $0.hasPrefix("precise: ") } == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("the vector of item \"\(first)\" has NaN"), "\(outcome.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: copy).sorted() == before)
      #expect(
        FileManager.default.contentsEqual(
          atPath: "\(copy)/token_states.safetensors", andPath: "\(world.dataset)/token_states.safetensors"))
    }
  }

  @Test func trainingSaysWhatItsRanksAre() throws {
    let outcome = try train("r", "--ranks", "3")
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.errorLines.first?.hasPrefix("3 ranks (threads), ") == true, "\(outcome.errors)")
  }

  /// Threads that a library starts in each rank would take the other ranks' cores (cluster/README.md, trap 21).
  @Test func noLibraryWithAThreadPoolIsLinked() throws {
    // The loader lists what it would load, and ends.
    let loaded = try run(setting: ["LD_TRACE_LOADED_OBJECTS=1"]).output
    #expect(loaded.contains("libmpi"), "\(loaded)")
    for pool in ["libgomp", "libomp", "libiomp", "libtbb", "blas", "libmkl", "libdnnl"] { #expect(!loaded.contains(pool)) }
  }

  @Test(arguments: ["0", "-1", "1025"]) func wrongNumbersOfRanks(ranks: String) throws {
    let outcome = try train("r", "--ranks=\(ranks)")
    #expect(outcome.code == 64 && outcome.errors.contains("--ranks must be 1 to 1024, not \(ranks)"), "\(outcome.errors)")
    #expect(try folder.names().isEmpty)
  }

  @Test func aLauncherDecidesHowManyThereAre() throws {
    let outcome = try train("r", "--ranks", "2", setting: ["OMPI_COMM_WORLD_SIZE=2", "OMPI_COMM_WORLD_RANK=0"])
    #expect(outcome.code == 64 && outcome.errors.contains("Open MPI's mpirun decides: leave it out"), "\(outcome.errors)")
    #expect(try folder.names().isEmpty)
  }

  @Test(arguments: [["synth", "--out", "o"], ["inspect", "o"], ["check", "--config", "o"]])
  func aCrowdOfOneProcessCommandsIsRefused(arguments: [String]) throws {
    let outcome = try CommandRunner.run(
      arguments, in: folder.path, setting: ["OMPI_COMM_WORLD_SIZE=2", "OMPI_COMM_WORLD_RANK=0"])
    #expect(outcome.code == 64 && outcome.errors.contains("precise \(arguments[0]) runs in one process"), "\(outcome.errors)")
    #expect(try folder.names().isEmpty)
    let alone = try CommandRunner.run(["synth", "--help"], setting: ["OMPI_COMM_WORLD_SIZE=2", "OMPI_COMM_WORLD_RANK=0"])
    #expect(alone.code == 0)
  }

  @Test func silentSingletonsAreRefused() throws {
    let step = ["SLURM_STEP_ID=0", "SLURM_PROCID=1", "SLURM_STEP_NUM_TASKS=4"]
    let outcome = try train("r", setting: step)
    #expect(outcome.code == 65 && outcome.errors.contains("srun started 4 processes, but each found itself alone"))
    #expect(try folder.names().isEmpty)
  }

  /// Every rank stops at the same step, one line says which and where.
  @Test func aLossThatIsNoNumberEndsEveryRank() throws {
    let outcome = try train("r", "--ranks", "3", "--quiet", "--set", "optimizer.id_learning_rate=1e30")
    #expect(outcome.code == 70)
    #expect(outcome.errorLines.count == 1 && outcome.errors.contains("is not finite"), "\(outcome.errors)")
    #expect(outcome.errors.contains("(rank ") && outcome.errors.contains(", universal step 2)"), "\(outcome.errors)")
  }

  @Test func aBrokenCheckpointEndsEveryRank() throws {
    let copy = folder.file("run")
    try FileManager.default.copyItem(atPath: world.run, toPath: copy)
    let phase = "\(copy)/checkpoints/universal"
    let newest = try #require(try FileManager.default.contentsOfDirectory(atPath: phase).sorted().last)
    let file = "\(phase)/\(newest)/items-00000.safetensors"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: URL(fileURLWithPath: file))
    let outcome = try run("evaluate", copy, "--phase", "universal", "--ranks", "3")
    #expect(outcome.code == 65 && outcome.errors.contains("items-00000.safetensors is damaged"), "\(outcome.errors)")
  }
}
