import CParquet
import Files
import Foundation

/// The library that reads and writes Parquet, found and loaded at run time.
///
/// Ours. Debian has no Arrow, and whoever uses CSV needs none; so the program does not link it. `cluster/parquet/install.sh` makes the
/// library out of `cluster/parquet/parquet.cpp`.
package final class ParquetLibrary: Sendable {
  /// Where it was found.
  package let path: String
  /// What it can do.
  let functions: Functions

  /// The library's file name.
  package static let fileName = "libprecise-parquet.so"
  /// The environment variable that names the library's file.
  package static let variable = "PRECISE_PARQUET"
  /// The command that brings the library.
  package static let command = "cluster/parquet/install.sh"

  private static let loaded = Result { try ParquetLibrary(places: places(), environment: ProcessInfo.processInfo.environment) }

  /// The table of functions, which never changes once it is loaded.
  struct Functions: @unchecked Sendable {
    let table: cparquet_functions
  }

  /// The library; looked for once in a process.
  ///
  /// Throws `InputError` with the command that brings it when it is not there, cannot be loaded or has another version.
  package static func shared() throws -> ParquetLibrary { try loaded.get() }

  /// Where the library may stand, in this order: beside the program, in `../lib/precise/` of the program's folder, in the user's data
  /// folder (`$XDG_DATA_HOME/precise` or `~/.local/share/precise`).
  private static func places() -> [String] {
    let environment = ProcessInfo.processInfo.environment
    var folders: [String] = []
    if let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
      let folder = (program as NSString).deletingLastPathComponent
      folders += [folder, "\(folder)/../lib/precise"]
    }
    if let data = environment["XDG_DATA_HOME"], !data.isEmpty {
      folders.append("\(data)/precise")
    } else if let home = environment["HOME"], !home.isEmpty {
      folders.append("\(home)/.local/share/precise")
    }
    return folders.map { "\($0)/\(fileName)" }
  }

  /// Loads what `PRECISE_PARQUET` names, or else the first of some places at which a file stands.
  init(places: [String], environment: [String: String]) throws {
    let named = environment[Self.variable].flatMap { $0.isEmpty ? nil : $0 }
    let isThere = FileManager.default.fileExists(atPath:)
    if let named, !isThere(named) {
      throw InputError("\(Self.variable) names \(named), which is not there; make it with \(Self.command) or unset the variable")
    }
    guard let path = named ?? places.first(where: isThere) else {
      throw InputError(
        "Parquet takes Arrow's library, which is not installed; bring it with \(Self.command), or use CSV or JSON lines instead")
    }
    var library = cparquet_library()
    let outcome = Int(cparquet_load(path, &library))
    guard outcome != Int(CPARQUET_UNLOADABLE) else {
      let reason = withUnsafeBytes(of: library.reason) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw InputError("cannot load \(path) (\(reason)); make it anew with \(Self.command)")
    }
    guard outcome == Int(CPARQUET_LOADED), let functions = library.functions else {
      let version = library.version < 0 ? "no library of this program's" : "version \(library.version) of the Parquet library"
      throw InputError("\(path) is \(version), and version \(CPARQUET_VERSION) is wanted; make it anew with \(Self.command)")
    }
    self.path = path
    self.functions = Functions(table: functions.pointee)
  }

  /// Calls a function that says in a message why it failed.
  ///
  /// Throws `InputError` with what `sentence` makes of the message.
  static func call(_ sentence: (String) -> String, _ body: (cparquet_message) -> Int32) throws {
    let size = 1024
    try withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { text in
      text.initialize(repeating: 0)
      guard body(cparquet_message(text: text.baseAddress, bytes: size)) != 0 else { return }
      let bytes = UnsafeRawBufferPointer(text).prefix(size - 1).prefix { $0 != 0 }
      throw InputError(sentence(String(decoding: bytes, as: UTF8.self)))
    }
  }
}
