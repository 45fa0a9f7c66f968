import Foundation
import TestSupport
import Testing

/// Commands whose address space is limited: they end well or with one sentence, never with a trap.
struct MemoryLimitTests {
  /// From what the program and its libraries just load in to what a small world takes, in KiB.
  private static let limits = [110_000, 160_000, 260_000, 500_000]

  private static let commands: [[String]] = [
    ["synth", "--out", "made", "--users", "20000", "--items", "5000", "--quiet"],
    ["prepare", "--interactions", "raw/interactions.csv", "--items", "raw/items.csv", "--out", "made", "--quiet"],
    ["encode", "dataset", "--dim", "64", "--tokens", "8", "--quiet"],
    ["train", "--config", "config.yaml", "--data", "dataset", "--out", "made", "--ranks", "2", "--quiet"],
    [
      "train", "--config", "config.yaml", "--data", "dataset", "--out", "made", "--ranks", "1", "--set", "batch.users=32000",
      "--set", "model.id_dim=256", "--quiet",
    ],
    ["evaluate", "run", "--data", "dataset", "--quiet"],
    ["export", "run", "--data", "dataset", "--out", "made", "--quiet"],
    ["recommend", "run", "--data", "dataset", "--users-file", "users.txt", "--json", "--quiet"],
    ["score", "run", "--data", "dataset", "--pairs", "pairs.csv", "--out", "made", "--quiet"],
    ["check", "--config", "config.yaml", "--data", "dataset", "--quiet"],
    ["bench", "--config", "config.yaml", "--steps", "2", "--ranks", "2", "--set", "bench.items=1000", "--quiet"],
    ["inspect", "run"],
    ["doctor", "--quiet"],
  ]

  @Test(.disabled(if: MemoryLimitTests.isSanitized, "the sanitizers take terabytes of address space"), arguments: commands)
  func noTrap(_ command: [String]) throws {
    var codes: [Int32] = []
    for limit in Self.limits {
      let folder = try HostileWorld.shared().copy()
      let ending = try CommandRunner.run(command, in: folder.path, addressSpace: limit)
      codes.append(ending.code)
      #expect(
        [0, 70].contains(ending.code) || Self.isUnmapped(ending), "\(command[0]), \(limit) KiB: \(ending.code), \(ending.errors)")
      #expect(!ending.errors.contains("Fatal error") && !ending.errors.contains("fault of this program"), "\(ending.errors)")
      guard ending.code == 70 else { continue }
      let sentences = ending.errorLines.filter { $0.hasPrefix("precise: cannot ") }
      #expect(sentences.count == 1, "\(command[0]), \(limit) KiB: \(ending.errors)")
      #expect(sentences.allSatisfy { $0.contains("ulimit -v") }, "\(sentences)")
    }
    // What takes little does its work below the largest limit.
    if ["inspect", "check", "doctor", "recommend"].contains(command[0]) { #expect(codes.last == 0, "\(command[0]): \(codes)") }
    print("address space: \(command[0]): " + zip(Self.limits, codes).map { "\($0 >> 10) MiB \($1)" }.joined(separator: ", "))
  }

  /// The batch that takes too much is named by what it needs it for.
  @Test(.disabled(if: MemoryLimitTests.isSanitized, "the sanitizers take terabytes of address space"))
  func theSentenceNamesTheStep() throws {
    let command = [
      "bench", "--config", "config.yaml", "--steps", "1", "--ranks", "1", "--quiet", "--set", "batch.users=32000", "--set",
      "bench.items=1000",
    ]
    let folder = try HostileWorld.shared().copy()
    let ending = try CommandRunner.run(command, in: folder.path, addressSpace: 400_000)
    #expect(ending.code == 70 && ending.errors.contains(" of a step; lower batch.users"), "\(ending.code), \(ending.errors)")
  }

  /// What no limit of this machine allows is refused before anything is written, by the key that takes it.
  @Test func aRunBeyondMemoryIsRefused() throws {
    let folder = try HostileWorld.shared().copy()
    let wide = ["--config", "config.yaml", "--ranks", "1", "--set", "model.id_dim=4088", "--set", "model.layers=64"]
    for command in [["train", "--out", "made", "--data", "dataset"], ["check", "--data", "dataset"], ["bench"]] {
      let ending = try CommandRunner.run(command + wide, in: folder.path)
      #expect(ending.code == 64 && ending.errors.contains("model.layers: 64, takes"), "\(ending.code), \(ending.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.file("made")))
    }
    let large = [
      "check", "--config", "config.yaml", "--set", "batch.users=1000000", "--set", "model.length=8192", "--ranks", "1",
    ]
    let ending = try CommandRunner.run(large, in: folder.path)
    #expect(ending.code == 64 && ending.errors.contains("batch.users: 1000000, takes"), "\(ending.code), \(ending.errors)")
    // Hosts that are described are others than this one.
    for command in [["check", "--data", "dataset"] + wide, large] {
      #expect(try CommandRunner.run(command + ["--ranks-per-host", "1"], in: folder.path).code == 0)
    }
  }

  /// Tests built with a sanitizer have its runtime in them.
  static let isSanitized = dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil

  /// Below what the program's libraries take the system's loader speaks, and of a file that cannot be mapped the system.
  private static func isUnmapped(_ ending: CommandResult) -> Bool {
    ending.code == 127 && ending.errors.contains("error while loading shared libraries")
      || ending.code == 65 && ending.errors.contains("cannot map") && ending.errors.contains("Cannot allocate memory")
  }
}
