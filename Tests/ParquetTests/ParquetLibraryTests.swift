import Files
import TestSupport
import Testing

@testable import Parquet

/// Where the library is looked for, and what is said when it is not there or is another's.
@Suite struct ParquetLibraryTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func withoutItTheCommandThatBringsItIsNamed() throws {
    let error = #expect(throws: InputError.self) {
      try ParquetLibrary(places: [folder.file("none.so")], environment: [:])
    }
    #expect(error?.description.contains("cluster/parquet/install.sh") == true)
    #expect(throws: InputError.self) {
      try ParquetLibrary(places: [], environment: [ParquetLibrary.variable: folder.file("none.so")])
    }
  }

  @Test func whatCannotBeLoadedIsNamedWithTheReason() throws {
    try folder.write("broken.so", "no library")
    let error = #expect(throws: InputError.self) {
      try ParquetLibrary(places: [folder.file("none.so"), folder.file("broken.so")], environment: [:])
    }
    #expect(error?.description.contains("cannot load \(folder.file("broken.so"))") == true)
  }
}
