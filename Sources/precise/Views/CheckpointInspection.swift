import Checkpoints
import Files
import Foundation
import Reporting
import Runs

/// What `inspect` does with a checkpoint.
struct CheckpointInspection {
  let path: String

  func run(json: Bool, verify: Bool) throws {
    let checkpoint = try Checkpoint(path: path)
    let files = try Self.tensorFiles(checkpoint).map { try checkpoint.open($0.name) }
    if verify { try checkpoint.verify() }
    print(json ? object(checkpoint, files, verified: verify).indented : text(checkpoint, files, verified: verify))
  }

  /// The files that hold tensors.
  private static func tensorFiles(_ checkpoint: Checkpoint) -> [CheckpointManifest.File] {
    checkpoint.manifest.files.filter { $0.name.hasSuffix(".safetensors") }
  }

  /// The bytes of a checkpoint's files; missing ones count nothing.
  static func bytes(_ checkpoint: Checkpoint) -> Int {
    checkpoint.manifest.files.reduce(0) { sum, file in
      let attributes = try? FileManager.default.attributesOfItem(atPath: "\(checkpoint.path)/\(file.name)")
      return sum + ((attributes?[.size] as? Int) ?? 0)
    }
  }

  private func tensors(_ file: SafetensorsFile) -> [TensorInfo] {
    file.tensors.values.sorted { $0.byteRange.lowerBound < $1.byteRange.lowerBound }
  }

  private func text(_ checkpoint: Checkpoint, _ files: [SafetensorsFile], verified: Bool) -> String {
    let manifest = checkpoint.manifest
    var lines = [
      "checkpoint of phase \(manifest.phase) after \(HumanFormat.count(manifest.step, "step")) "
        + "(\(HumanFormat.decimal(manifest.epoch, 2)) epochs), \(HumanFormat.count(manifest.items, "item")), "
        + HumanFormat.bytes(Self.bytes(checkpoint))
    ]
    if let metric = manifest.selectedBy, let score = manifest.score {
      lines.append("\(metric) \(HumanFormat.decimal(score, 4)) on validation")
    }
    let vocabulary = manifest.vocabulary
    lines.append(
      "scenes: \(vocabulary.scenes.joined(separator: ", ")); behaviors: \(vocabulary.behaviors.joined(separator: ", ")); "
        + "token states: \(vocabulary.encoding.map { "\($0)" } ?? "none")")
    var table = TextTable([("file", .left), ("tensor", .left), ("type", .left), ("shape", .left)])
    for (file, entry) in zip(files, Self.tensorFiles(checkpoint)) {
      for tensor in tensors(file) { table.append([entry.name, tensor.name, tensor.type.rawValue, "\(tensor.shape)"]) }
    }
    lines += table.lines
    lines.append(verified ? "all checksums are in order" : "headers are in order (--verify reads everything)")
    return lines.joined(separator: "\n")
  }

  private func object(_ checkpoint: Checkpoint, _ files: [SafetensorsFile], verified: Bool) -> JSONValue {
    let manifest = checkpoint.manifest
    let list = zip(files, Self.tensorFiles(checkpoint)).map { file, entry -> JSONValue in
      let tensors = tensors(file).map { tensor -> JSONValue in
        [
          "name": .string(tensor.name), "type": .string(tensor.type.rawValue), "shape": .array(tensor.shape.map { .int($0) }),
        ]
      }
      return ["name": .string(entry.name), "crc32": .string(entry.crc32), "tensors": .array(tensors)]
    }
    return [
      "kind": "checkpoint", "path": .string(path), "verified": .bool(verified), "version": .int(manifest.version),
      "phase": .string(manifest.phase), "step": .int(manifest.step), "epoch": .double(manifest.epoch),
      "dataset_checksum": .string(manifest.datasetChecksum), "items": .int(manifest.items),
      "scenes": .array(manifest.vocabulary.scenes.map { .string($0) }),
      "behaviors": .array(manifest.vocabulary.behaviors.map { .string($0) }),
      "token_states": manifest.vocabulary.encoding.map { .string("\($0)") } ?? .null,
      "selected_by": manifest.selectedBy.map { .string($0) } ?? .null, "score": manifest.score.map { .double($0) } ?? .null,
      "bytes": .int(Self.bytes(checkpoint)), "files": .array(list),
    ]
  }
}
