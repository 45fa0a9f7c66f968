import Foundation

/// Public data sets that are not part of the repository.
package enum SharedData {
  /// Folder of a data set, such as `movielens-1m`, or nil when this machine has none.
  ///
  /// Looked for in the folder that the environment variable `PRECISE_DATA` names, else in `../shared/data` beside the
  /// package. A test that gets nil says so and ends.
  package static func folder(named name: String) -> String? {
    let parent = ProcessInfo.processInfo.environment["PRECISE_DATA"] ?? PackageFolder.path + "/../shared/data"
    let path = URL(fileURLWithPath: parent).appendingPathComponent(name).standardizedFileURL.path
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue ? path : nil
  }
}
