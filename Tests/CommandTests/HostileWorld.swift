import Files
import Foundation
import TestSupport

/// Files of every kind that comes from outside, whole; each test damages a copy of its own.
final class HostileWorld: Sendable {
  static func shared() throws -> HostileWorld { try world.get() }
  private static let world = Result { try HostileWorld() }

  private let folder: TemporaryFolder

  private init() throws {
    folder = try TemporaryFolder()
    let world = try CommandWorld.shared()
    for (name, path) in [("raw", world.raw), ("dataset", world.dataset), ("run", world.run), ("config.yaml", world.config)] {
      try FileManager.default.copyItem(atPath: path, toPath: folder.file(name))
    }
    try writeRows()
    try writeLists()
    try writeStates()
    // A name that does not depend on how many steps were trained.
    let phase = folder.file("run/checkpoints/like")
    let newest = try FileManager.default.contentsOfDirectory(atPath: phase).sorted().last ?? ""
    for name in try FileManager.default.contentsOfDirectory(atPath: phase) where name != newest {
      try FileManager.default.removeItem(atPath: "\(phase)/\(name)")
    }
    try FileManager.default.moveItem(atPath: "\(phase)/\(newest)", toPath: folder.file(HostileFile.checkpoint))
  }

  /// A copy of everything.
  func copy() throws -> TemporaryFolder {
    let copy = try TemporaryFolder()
    for name in try folder.names() { try FileManager.default.copyItem(atPath: folder.file(name), toPath: copy.file(name)) }
    return copy
  }

  /// The interactions in the other formats.
  private func writeRows() throws {
    let text = try String(contentsOfFile: folder.file("raw/interactions.csv"), encoding: .utf8)
    let table = text.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
    let keys = table[0]
    func column(_ name: String) throws -> Int { try keys.firstIndex(of: name) ?? { throw InputError("no column \(name)") }() }
    let (user, item, time) = (try column("user"), try column("item"), try column("timestamp"))
    func write(_ name: String, _ lines: [String]) throws { try folder.write("raw/\(name)", lines.joined(separator: "\n") + "\n") }
    let rows = table.dropFirst()
    try write("interactions.tsv", table.map { $0.joined(separator: "\t") })
    try write("interactions.jsonl", rows.map { row in object(zip(keys, row).map { ($0, "\"\($1)\"") }) })
    try write("ratings.dat", rows.map { "\($0[user])::\($0[item])::5::\($0[time])" })
    try write(
      "reviews_Toys.json",
      rows.map { object([("reviewerID", "'\($0[user])'"), ("asin", "'\($0[item])'"), ("unixReviewTime", $0[time])]) })
    var file = try OutputFile(path: folder.file("raw/interactions.csv.gz"), isGzipped: true)
    try Array(text.utf8).withUnsafeBytes { try file.write($0) }
    try file.commit()
  }

  private func object(_ members: [(String, String)]) -> String {
    "{" + members.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}"
  }

  private func writeLists() throws {
    let world = try CommandWorld.shared()
    let lines = 1...20
    let users = try lines.map { try world.id("interactions.csv", column: 0, line: $0) }
    let items = try lines.map { try world.id("interactions.csv", column: 1, line: $0) }
    try folder.write("pairs.csv", "user,item\n" + zip(users, items).map { "\($0),\($1)\n" }.joined())
    try folder.write("users.txt", Set(users).sorted().map { "\($0)\n" }.joined())
  }

  /// Foreign states of every item of the items file, two of width 4 each.
  private func writeStates() throws {
    let text = try String(contentsOfFile: folder.file("raw/items.csv"), encoding: .utf8)
    let ids = Set(text.split(separator: "\n").dropFirst().map { String($0.prefix { $0 != "," }) }).sorted()
    var writer = try SafetensorsWriter(
      path: folder.file("states.safetensors"),
      tensors: [TensorSpec("offsets", .i64, [ids.count + 1]), TensorSpec("states", .f32, [2 * ids.count, 4])])
    try writer.write((0...ids.count).map { Int64(2 * $0) })
    try writer.write((0..<8 * ids.count).map { Float($0 % 7) - 3 })
    try writer.finish()
    try folder.write("ids.txt", ids.map { "\($0)\n" }.joined())
  }
}
