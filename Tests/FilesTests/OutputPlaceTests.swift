import Foundation
import TestSupport
import Testing

@testable import Files

/// What stands under an output's name decides how it is written.
@Suite struct OutputPlaceTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func write(_ text: String, to path: String) throws {
    var file = try AtomicFile(path: path)
    try file.write(text)
    try file.commit()
  }

  private func text(_ name: String) throws -> String { try String(contentsOfFile: folder.file(name), encoding: .utf8) }

  private func kind(_ path: String) throws -> mode_t {
    var status = stat()
    try #require(lstat(path, &status) == 0)
    return status.st_mode & S_IFMT
  }

  @Test func aLinkStandsForItsTarget() throws {
    try FileManager.default.createDirectory(atPath: folder.file("disk"), withIntermediateDirectories: false)
    try folder.write("disk/real", "old")
    symlink("disk/real", folder.file("one"))
    symlink("one", folder.file("two"))
    try write("new", to: folder.file("two"))
    #expect(try text("disk/real") == "new")
    #expect(try kind(folder.file("one")) == S_IFLNK && kind(folder.file("two")) == S_IFLNK)
    // One that leads nowhere yet.
    symlink("disk/later", folder.file("three"))
    try write("made", to: folder.file("three"))
    #expect(try text("disk/later") == "made" && kind(folder.file("three")) == S_IFLNK)
    #expect(try folder.names() == ["disk", "one", "three", "two"])
    symlink("loop", folder.file("loop"))
    #expect(throws: InputError.self) { try write("x", to: folder.file("loop")) }
  }

  @Test func devicesAreWrittenStraightThrough() throws {
    let before = try kind("/dev/null")
    try write("gone", to: "/dev/null")
    #expect(try kind("/dev/null") == before && before == S_IFCHR)
    #expect(throws: InputError("cannot write /dev/full: No space left on device; make room, or name a path on another disk")) {
      try write("x", to: "/dev/full")
    }
    symlink("/dev/null", folder.file("link"))
    try write("gone", to: folder.file("link"))
    #expect(try kind(folder.file("link")) == S_IFLNK)
  }

  @Test func aPipeStaysOne() throws {
    let path = folder.file("pipe")
    try #require(mkfifo(path, 0o600) == 0)
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    try #require(reader >= 0)
    try write("through", to: path)
    #expect(try kind(path) == S_IFIFO)
    #expect(FileHandle(fileDescriptor: reader, closeOnDealloc: true).readDataToEndOfFile() == Data("through".utf8))
  }

  @Test(arguments: ["/dev/fd", "/proc/self/fd"])
  func whatIsOpenIsWrittenWhereItStands(index: String) throws {
    let path = try folder.write("log", "before ")
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.seekToEnd()
    try write("and after", to: "\(index)/\(handle.fileDescriptor)")
    #expect(try text("log") == "before and after")
    try handle.write(contentsOf: Data(", still open".utf8))
    #expect(try text("log") == "before and after, still open")
    #expect(throws: InputError.self) { try write("x", to: "\(index)/\(9999)") }
  }

  @Test func aFolderIsNoFile() throws {
    #expect(throws: InputError("\(folder.path) is a folder; name a file")) { try write("x", to: folder.path) }
  }

  @Test func aReplacedFileKeepsWhatItPermits() throws {
    let path = try folder.write("secret", "old")
    chmod(path, 0o640)
    try write("new", to: path)
    var status = stat()
    stat(path, &status)
    #expect(status.st_mode & 0o777 == 0o640)
  }
}
