import Foundation
import TestSupport
import Testing

/// Files that are no text, wherever a command reads text: named as what they are, and none of their bytes reach the terminal.
@Suite struct OtherFormatTests {
  private let folder: TemporaryFolder
  private let world: CommandWorld

  init() throws {
    folder = try TemporaryFolder()
    world = try CommandWorld.shared()
  }

  /// The bytes of a kind of file, with some behind them that no terminal should see.
  private static let kinds: [(name: String, bytes: [UInt8], says: String)] = [
    ("e.parquet", Array("PAR1".utf8), "Parquet"), ("e.zip", [0x50, 0x4B, 3, 4], "zip"),
    ("e.xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz -dc"),
    ("e.bz2", Array("BZh9".utf8), "bzip2 -dc"), ("e.utf16", [0xFF, 0xFE], "iconv"),
    ("e.zst", [0x28, 0xB5, 0x2F, 0xFD], "zstd -dc"),
  ]
  private static let rest: [UInt8] = [0x15, 0x04, 0x1B, 0x5B, 0x32, 0x4A, 0x07, 0x0A, 0x9B, 0xC3, 0x28, 0, 0xFF, 0x0A]

  private func refuse(_ code: Int32, _ says: String, _ arguments: [String], input: Data = Data()) throws {
    let before = try folder.names()
    let result = try CommandRunner.run(arguments, input: input, in: folder.path)
    #expect(result.code == code && result.errors.contains(says) && result.output.isEmpty, "\(arguments): \(result.errors)")
    #expect(!result.errors.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value == 0xFFFD || $0.value == 0x9B })
    #expect(try folder.names() == before)
  }

  @Test(arguments: kinds.indices)
  func everyTextInputRefusesThem(kind: Int) throws {
    let (name, bytes, says) = Self.kinds[kind]
    let data = Data(bytes + Self.rest)
    try folder.write(name, data)
    let events = "\(world.raw)/interactions.csv"
    try refuse(65, says, ["prepare", "--interactions", name, "--out", "d"])
    try refuse(65, says, ["prepare", "--interactions", events, "--items", name, "--out", "d"])
    try refuse(
      65, says.split(separator: " ").first.map(String.init) ?? says, ["prepare", "--interactions", "-", "--out", "d"], input: data
    )
    try refuse(65, says, ["score", world.run, "--pairs", name, "--out", "s.csv"])
    try refuse(65, says, ["export", world.run, "--items", name, "--out", "e"])
    try refuse(65, says, ["recommend", world.run, "--users-file", name])
    try refuse(64, says, ["check", "--config", name, "--data", world.dataset])
  }

  @Test func statesThatAreAnArchiveAreNamed() throws {
    try folder.write("states.pt", Data([0x50, 0x4B, 3, 4] + Self.rest))
    try refuse(65, "zip archive", ["encode", world.dataset, "--states", "states.pt"])
  }

  /// The system's reasons for a file that it cannot load are texts that are made while the loader is at work; a folder has one.
  @Test func aParquetLibraryThatCannotBeLoadedIsNamed() throws {
    try folder.write("e.parquet", Data("PAR1xxxxPAR1".utf8))
    try FileManager.default.createDirectory(atPath: folder.file("library.so"), withIntermediateDirectories: false)
    let result = try CommandRunner.run(
      ["prepare", "--interactions", "e.parquet", "--out", "d"], in: folder.path, setting: ["PRECISE_PARQUET=library.so"])
    #expect(result.code == 65 && result.errorLines.count == 1, "\(result.code): \(result.errors)")
    #expect(result.errors.contains("cannot load library.so (") && result.errors.contains("cluster/parquet/install.sh"))
  }

  /// A user that is not UTF-8 is no other user with U+FFFD in the name.
  @Test func idsThatAreNotUTF8AreRefused() throws {
    try folder.write("users.txt", Data([0x75, 0xFF, 0x0A]))
    let result = try CommandRunner.run("recommend", world.run, "--users-file", folder.file("users.txt"))
    #expect(result.code == 65 && result.errors.contains("users.txt:1: the user") && result.errors.contains("is not UTF-8"))
  }
}
