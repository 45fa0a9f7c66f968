import Files
import Foundation
import Glibc
import TestSupport
import Testing

@testable import precise

/// Ctrl-C in a command that has nothing to save, seen by the terminal and by the shell.
struct StopCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A command whose standard error is a terminal, and what that shows.
  private final class OnTerminal {
    let process = Process()
    private let master: Int32
    private(set) var shown = ""

    init(_ arguments: [String], input: FileHandle = .nullDevice, in folder: String) throws {
      // As posix_openpt, unlockpt and ptsname do, which Swift's module of the C library lacks.
      let (unlock, askForNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)
      master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
      var (isLocked, number): (Int32, UInt32) = (0, 0)
      try #require(master >= 0 && ioctl(master, unlock, &isLocked) == 0 && ioctl(master, askForNumber, &number) == 0)
      let slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
      try #require(slave >= 0)
      process.executableURL = URL(fileURLWithPath: try CommandRunner.binary())
      process.arguments = arguments
      process.currentDirectoryURL = URL(fileURLWithPath: folder)
      process.environment = ProcessInfo.processInfo.environment.merging(["TERM": "xterm", "NO_COLOR": "1"]) { $1 }
      (process.standardInput, process.standardOutput) = (input, FileHandle.nullDevice)
      process.standardError = FileHandle(fileDescriptor: slave, closeOnDealloc: true)
      try process.run()
      close(slave)
      _ = fcntl(master, F_SETFL, O_NONBLOCK)
    }

    deinit {
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
      close(master)
    }

    /// Reads on until the terminal has shown a text, for a minute at most; `meanwhile` gives it more to do.
    func wait(for text: String, meanwhile: () -> Void = {}) throws {
      for _ in 0..<6000 where !shown.contains(text) {
        meanwhile()
        take()
        usleep(10_000)
      }
      try #require(shown.contains(text), "\(text) was never shown: \(shown)")
    }

    /// Stops it, and reads what it says last.
    func stop(by signal: Int32) {
      kill(process.processIdentifier, signal)
      process.waitUntilExit()
      take()
    }

    private func take() {
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        let count = read(master, &bytes, bytes.count)
        guard count > 0 else { return }
        shown += String(decoding: bytes[..<count], as: UTF8.self)
      }
    }
  }

  /// What stands in the terminal's last lines: a line is written over from its start, and erased to its end.
  private func lastLines(_ shown: String) -> [String] {
    shown.replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.split(separator: "\r").last.map { String($0.split(separator: "\u{1B}[K").last ?? "") } ?? ""
    }
  }

  @Test(arguments: [(SIGINT, "Ctrl-C (SIGINT)"), (SIGTERM, "SIGTERM")])
  func aStoppedPrepareTakesItsLineAway(signal: Int32, name: String) throws {
    let pipe = Pipe()
    let command = try OnTerminal(
      ["prepare", "--interactions", "-", "--out", "made"], input: pipe.fileHandleForReading, in: folder.path)
    // A line is drawn when rows come in after the first moment: so they go on coming.
    let rows = Array((0..<70_000).map { "u\($0 % 900),i\($0 % 70),\($0)\n" }.joined().utf8)
    try pipe.fileHandleForWriting.write(contentsOf: Data("user,item,timestamp\n".utf8))
    let writing = pipe.fileHandleForWriting.fileDescriptor
    _ = fcntl(writing, F_SETFL, O_NONBLOCK)
    var written = 0
    try command.wait(for: "reading  ") {
      let count = rows.withUnsafeBytes { write(writing, $0.baseAddress! + written, rows.count - written) }
      written = (written + max(count, 0)) % rows.count
    }
    #expect(try folder.names().contains { $0.hasPrefix(".made.") })
    command.stop(by: signal)
    #expect(command.process.terminationReason == .uncaughtSignal && command.process.terminationStatus == signal)
    let last = lastLines(command.shown).suffix(2)
    #expect(last == ["precise: prepare was stopped by \(name); no half-written file is left", ""], "\(command.shown)")
    #expect(try folder.names().isEmpty)
  }

  @Test func aStoppedEncodeTakesItsLineAwayAndLeavesTheDataSet() throws {
    let world = try CommandWorld.shared()
    try FileManager.default.copyItem(atPath: world.dataset, toPath: folder.file("dataset"))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("dataset")).sorted()
    let command = try OnTerminal(["encode", "dataset", "--tokens", "4096", "--dim", "65536", "--ranks", "1"], in: folder.path)
    try command.wait(for: "encode  ")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("dataset")).count > names.count)
    command.stop(by: SIGINT)
    #expect(command.process.terminationReason == .uncaughtSignal && command.process.terminationStatus == SIGINT)
    let last = lastLines(command.shown).suffix(2)
    #expect(last == ["precise: encode was stopped by Ctrl-C (SIGINT); no half-written file is left", ""], "\(command.shown)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("dataset")).sorted() == names)
  }

  /// A terminal that takes nothing more does not hold the command.
  @Test func nobodyHasToReadTheLastWords() throws {
    let (pipe, errors) = (Pipe(), Pipe())
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try CommandRunner.binary())
    process.arguments = ["prepare", "--interactions", "-", "--out", "made", "--max-bad-rows", "1000000"]
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    (process.standardInput, process.standardOutput, process.standardError) = (pipe, FileHandle.nullDevice, errors)
    // Full before the command says a word.
    let writer = errors.fileHandleForWriting.fileDescriptor
    let flags = fcntl(writer, F_GETFL)
    _ = fcntl(writer, F_SETFL, flags | O_NONBLOCK)
    let block = [UInt8](repeating: 0x20, count: 1 << 12)
    while write(writer, block, block.count) > 0 {}
    _ = fcntl(writer, F_SETFL, flags)
    try process.run()
    for _ in 0..<6000 where try folder.names().isEmpty { usleep(10_000) }
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGTERM)
    #expect(try folder.names().isEmpty)
  }

  @Test func whatCouldNotBeRemovedIsNamed() {
    let words = StopWords(command: "prepare")
    #expect(
      words.sentence(signal: SIGHUP, left: ["/a/.b", "/c"])
        == "precise: prepare was stopped by SIGHUP; remove what could not be removed: /a/.b, /c\n")
    #expect(StopWords(command: "").sentence(signal: SIGINT, left: []).isEmpty)
  }
}
