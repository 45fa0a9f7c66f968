import Foundation

/// The committed files of expected numbers, found from this source file's place; `Tests/References` says who wrote them.
package enum Fixtures {
  /// `Tests/Fixtures` of this checkout.
  package static let folder = PackageFolder.path + "/Tests/Fixtures"

  /// A page of the documentation, such as `docs/scaling.md`.
  package static func page(_ name: String) throws -> String {
    try String(contentsOfFile: "\(PackageFolder.path)/\(name)", encoding: .utf8)
  }

  /// Path of a fixture, such as `optimizers/adamw.safetensors`.
  package static func path(_ name: String) -> String {
    "\(folder)/\(name)"
  }
}

/// Where the package's sources lie.
enum PackageFolder {
  /// The folder of `Package.swift`, three levels above this file.
  static let path = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
}
