import Collectives
import Datasets
import Files
import Foundation
import Host
import Logging
import Reporting
import Runs
import Tensors

/// A folder in the run directory that holds what there is to know about a step whose numbers had gone wrong.
///
/// `report.json` (rank 0: what, where, losses), `rank-00000.json` (every rank: its tensors, its users, those that the tensors point at)
/// and `dense.safetensors` (parameters as they were before the step, and its gradients, from the first rank that found something).
/// A batch is a function of seed, phase and step: `--resume` from a checkpoint before it comes to the same step again.
struct DiagnosticBundle {
  private let directory: RunDirectory
  private let phase: String
  private let step: Int
  private static let report = "report.json"

  init(_ directory: RunDirectory, phase: String, step: Int) {
    (self.directory, self.phase, self.step) = (directory, phase, step)
  }

  /// The folder.
  var path: String { "\(directory.diagnosticsPath)/\(phase)-step-\(step)" }

  /// How many bundles the run has already.
  var number: Int { ((try? FileManager.default.contentsOfDirectory(atPath: directory.diagnosticsPath)) ?? []).count }

  /// Writes the bundle; collective.
  ///
  /// What cannot be written is warned of: the fault itself matters more.
  ///
  /// - Returns: the folder, on every rank; nil when there is none.
  func write(
    _ fault: StepFault, _ error: NotFiniteError, seed: UInt64, dataset: Dataset, isFinder: Bool, communicator: any Communicator
  ) throws -> String? {
    var (folder, failure): (OutputFolder?, String?) = (nil, nil)
    if communicator.rank == 0 {
      do {
        folder = try OutputFolder(path: path, kind: .init("a diagnostic bundle", marker: Self.report), overwrite: true)
      } catch { failure = "\(error)" }
    }
    failure = try communicator.firstText(failure)
    if failure == nil {
      let temporary = try communicator.broadcast(folder?.temporaryPath)
      var own: String?
      do {
        try writeRank(fault, dataset, communicator, into: temporary)
        if isFinder { try writeDense(fault.parameters, into: temporary) }
        if communicator.rank == 0 { try write(report(fault, error, seed, communicator), to: "\(temporary)/\(Self.report)") }
      } catch { own = "\(error)" }
      failure = try communicator.firstText(own)
    }
    if failure == nil {
      var own: String?
      do { try folder?.commit() } catch { own = "\(error)" }
      failure = try communicator.firstText(own)
    }
    guard let failure else { return path }
    if communicator.rank == 0 {
      Logger(label: "precise.training").warning("a diagnostic bundle cannot be written", metadata: ["cause": "\(failure)"])
    }
    return nil
  }

  private func report(_ fault: StepFault, _ error: NotFiniteError, _ seed: UInt64, _ communicator: any Communicator) -> JSONValue
  {
    .object([
      .init("phase", .string(phase)), .init("step", .int(step)), .init("seed", .string("\(seed)")),
      .init("ranks", .int(communicator.size)), .init("cause", .string("\(error)")), .init("users", .int(fault.globalUsers)),
      .init("losses", .object(fault.losses.map { .init($0.name, .string("\($0.value)")) })),
    ])
  }

  private func writeRank(_ fault: StepFault, _ dataset: Dataset, _ communicator: any Communicator, into folder: String) throws {
    let tensors = fault.findings.map { finding in
      JSONValue.object([
        .init("tensor", .string(finding.tensor)),
        .init("item", finding.item.map { .string(dataset.items.id($0)) } ?? .null),
        .init("bad", .int(finding.bad)), .init("of", .int(finding.count)), .init("example", .string("\(finding.example)")),
      ])
    }
    let digits = String(communicator.rank)
    let name = "rank-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".json"
    try write(
      .object([
        .init("rank", .int(communicator.rank)), .init("host", .string(Machine.host)),
        .init("tensors", .array(tensors)), .init("suspects", .array(fault.suspects.map { .string($0) })),
        .init("users", .array(fault.users.map { .string($0) })),
      ]), to: "\(folder)/\(name)")
  }

  private func writeDense(_ arena: ParameterArena, into folder: String) throws {
    let parameters = arena.parameters
    var file = try SafetensorsWriter(
      path: "\(folder)/dense.safetensors",
      tensors: parameters.flatMap { [TensorSpec($0.name, .f32, $0.shape), TensorSpec("\($0.name).gradient", .f32, $0.shape)] })
    for parameter in parameters {
      try file.write(UnsafeBufferPointer(start: parameter.value.base, count: parameter.count))
      try file.write(UnsafeBufferPointer(start: parameter.gradient.base, count: parameter.count))
    }
    _ = try file.finish()
  }

  private func write(_ value: JSONValue, to path: String) throws {
    var file = try AtomicFile(path: path)
    try file.write(value.indented + "\n")
    try file.commit()
  }
}
