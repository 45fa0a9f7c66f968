import Checkpoints
import Collectives
import Config
import Files
import Foundation
import Host
import Model
import Runs
import Tensors
import TestSupport
import Testing

struct CheckpointTests {
  private let world: TrainingWorld
  private let folder: TemporaryFolder

  init() throws {
    world = try TrainingWorld()
    folder = try TemporaryFolder()
  }

  private let manifest = CheckpointManifest(
    phase: "universal", step: 12, steps: 20, epoch: 1.5, updates: 12, isEvaluated: true, dataset: "d", items: 60,
    selectedBy: "mrr",
    score: 0.25)

  private let solo = SoloCommunicator()

  private func write(_ model: PreciseModel, to path: String) throws -> Checkpoint {
    try save(model, manifest, to: path, communicator: solo)
    return try Checkpoint(path: path)
  }

  /// A model whose every number, optimizer state too, is its own.
  private func model(_ changes: String..., tokens: Bool = true) throws -> PreciseModel {
    var config = try world.config("seed=77")
    for change in changes where change == "lazy" { config.optimizer.rows = .lazyAdam }
    let model = try world.model(config)
    for (number, parameter) in model.parameters.parameters.enumerated() {
      for index in 0..<parameter.vector.count { parameter.vector.base[index] = Float(number) + Float(index) / 1024 }
    }
    let tokenStates = try #require(model.items.tokens.states.floats)
    var blocks = [model.items.ids] + model.items.idOptimizer.states.map(\.values)
    if tokens { blocks += [tokenStates] + model.items.tokenOptimizerState().states.map(\.values) }
    for (number, block) in blocks.enumerated() {
      for index in 0..<block.count { block.base[index] = Float(1_000 * (number + 1)) + Float(index) }
    }
    return model
  }

  private func fresh(_ change: String...) throws -> PreciseModel {
    var config = try world.config("seed=3")
    if change.contains("lazy") { config.optimizer.rows = .lazyAdam }
    return try world.model(config)
  }

  @Test(arguments: ["adagrad", "lazy"], [true, false])
  func everyNumberComesBack(rule: String, tokens: Bool) throws {
    let model = try model(rule, tokens: tokens)
    let written = try write(model, to: folder.file("c"))
    #expect(written.manifest.files.map(\.name).contains("tokens-00000.safetensors") == tokens)
    let opened = try Checkpoint(path: folder.file("c"))
    #expect(opened.manifest == written.manifest && opened.manifest.step == 12 && opened.manifest.score == 0.25)
    let loaded = try fresh(rule)
    #expect(numbers(loaded) != numbers(model))
    try opened.load(into: CheckpointContents(reading: loaded), communicator: solo)
    #expect(numbers(loaded) == numbers(model))
    #expect(try folder.names() == ["c"])
  }

  /// Token states come back in whichever format the reading model stores them.
  @Test(
    arguments: [
      (NumberFormat.bf16, NumberFormat.bf16), (.bf16, .fp32), (.fp32, .bf16), (.fp16, .fp16),
      (.fp16, .fp32), (.fp32, .fp16), (.fp16, .bf16), (.bf16, .fp16),
    ])
  func tokenStatesOfEitherFormat(_ written: NumberFormat, _ read: NumberFormat) throws {
    func model(_ storage: NumberFormat, seed: Int) throws -> PreciseModel {
      var config = try world.config("seed=\(seed)")
      config.compute.tokenStorage = storage
      return try world.model(config)
    }
    let source = try model(written, seed: 77)
    let states = source.items.tokens.states
    states.store((0..<states.count).map { Float($0 % 1000) / 128 })
    source.items.tokenOptimizerState().states[0].values[3, 0] = 0.1
    _ = try write(source, to: folder.file("c"))
    let stored = try #require(try SafetensorsFile(path: folder.file("c") + "/tokens-00000.safetensors").tensors["states"])
    #expect(stored.type == (written == .bf16 ? .bf16 : written == .fp16 ? .f16 : .f32))
    let target = try model(read, seed: 3)
    try Checkpoint(path: folder.file("c")).load(into: CheckpointContents(reading: target), communicator: solo)
    #expect(target.items.tokens.states.bytes.count == states.count * (read == .fp32 ? 4 : 2))
    if written == read || read == .fp32 { #expect(target.items.tokens.states.values == states.values) }
    #expect(relativeError(target.items.tokens.states.values, states.values) <= 0x1p-8)
    #expect(target.items.tokenOptimizerState().states[0].values[3, 0] == 0.1)
  }

  @Test func anOlderOneIsReplacedWhole() throws {
    _ = try write(try model(), to: folder.file("c"))
    let later = try model("lazy", tokens: false)
    let written = try write(later, to: folder.file("c"))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("c")).sorted()
    #expect(
      names == [
        "config.yaml", "dense.safetensors", "items-00000.safetensors", "manifest.json", "optimizer.safetensors",
      ])
    let loaded = try fresh("lazy")
    try written.load(into: CheckpointContents(reading: loaded), communicator: solo)
    #expect(numbers(loaded) == numbers(later))
  }

  @Test(arguments: ["dense.safetensors", "items-00000.safetensors", "tokens-00000.safetensors"])
  func damagedFilesAreNamed(name: String) throws {
    let checkpoint = try write(try model(), to: folder.file("c"))
    let file = URL(fileURLWithPath: folder.file("c/\(name)"))
    let whole = try Data(contentsOf: file)
    // Early, in the header, and in the last number: each flip must be seen.
    for position in [9, whole.count / 2, whole.count - 1] {
      var flipped = whole
      flipped[position] ^= 1
      try flipped.write(to: file)
      let error = #expect(throws: InputError.self) {
        try checkpoint.load(into: CheckpointContents(reading: try fresh()), communicator: solo)
      }
      #expect(error?.description.contains("\(name) is damaged") == true)
    }
    try whole.dropLast().write(to: file)
    #expect(throws: InputError.self) { try checkpoint.load(into: CheckpointContents(reading: try fresh()), communicator: solo) }
    try FileManager.default.removeItem(at: file)
    let error = #expect(throws: InputError.self) {
      try checkpoint.load(into: CheckpointContents(reading: try fresh()), communicator: solo)
    }
    #expect(error?.description.contains(name) == true)
    let result = #expect(throws: InputError.self) {
      try checkpoint.loadResult(into: CheckpointContents(reading: try fresh()), communicator: solo)
    }
    #expect(result?.description.contains("moving \(checkpoint.path) away") == true)
    try whole.write(to: file)
    try checkpoint.load(into: CheckpointContents(reading: try fresh()), communicator: solo)
  }

  @Test func modelsOfOtherShapesAreRefused() throws {
    let checkpoint = try write(try model(), to: folder.file("c"))
    for change in [
      "model.id_dim=4", "model.layers=2", "model.semantic_dim=0", "model.length=7", "model.experts=3",
      "model.scene_embedding=true",
    ] {
      let other = try world.model(try world.config(change, "model.heads=1"))
      #expect(throws: InputError.self, "\(change)") {
        try checkpoint.load(into: CheckpointContents(reading: other), communicator: solo)
      }
    }
    let targeted = try world.model(try world.config(), userHead: .residual)
    #expect(throws: InputError.self) { try checkpoint.load(into: CheckpointContents(reading: targeted), communicator: solo) }
    #expect(throws: InputError.self) {
      try checkpoint.load(into: CheckpointContents(reading: try fresh("lazy")), communicator: solo)
    }
  }

  @Test(arguments: [
    ("\"version\" : 4", "\"version\" : 5", "has version 5"), ("\"step\"", "\"stop\"", "cannot be read"),
    ("dense.s", "../dense.s", "cannot be read"), ("dense.s", "sparse.s", "do not have the checksum"),
  ])
  func wrongManifestsAreRefused(from: String, to: String, reason: String) throws {
    _ = try write(try model(), to: folder.file("c"))
    let path = folder.file("c/\(CheckpointManifest.fileName)")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.contains(from))
    try folder.write("c/\(CheckpointManifest.fileName)", text.replacingOccurrences(of: from, with: to))
    let error = #expect(throws: InputError.self) {
      try Checkpoint(path: folder.file("c")).load(into: CheckpointContents(reading: try fresh()), communicator: solo)
    }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  @Test func whatIsNoneIsRefused() throws {
    #expect(throws: InputError.self) { try Checkpoint(path: folder.path) }
    #expect(throws: InputError.self) { try Checkpoint(path: folder.file("none")) }
  }
}
