import Files
import Foundation
import TestSupport
import Testing

@testable import Parquet

/// What the writer writes, the readers read; only where the library is installed.
@Suite(.enabled(if: (try? ParquetLibrary.shared()) != nil, "the Parquet library is not installed (cluster/parquet/install.sh)"))
struct ParquetFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func write(_ name: String, rows: Int, width: Int, blocks: Int = 1) throws -> (path: String, values: [Float]) {
    let path = folder.file(name)
    let values = (0..<rows * width).map { Float($0) / 7 }
    let writer = try ParquetWriter(path: path, width: width)
    let step = max(1, (rows + blocks - 1) / blocks)
    for start in stride(from: 0, to: rows, by: step) {
      let end = min(start + step, rows)
      try values[start * width..<end * width].withUnsafeBufferPointer {
        try writer.append(ids: (start..<end).map { "id \($0) é" }, values: $0)
      }
      #expect(try folder.names().allSatisfy { $0.hasPrefix(".") })
    }
    try writer.finish()
    return (path, values)
  }

  private func read(_ reader: ParquetVectorReader) throws -> (ids: [String], values: [Float]) {
    var (ids, values): ([String], [Float]) = ([], [])
    while try reader.next({ id, vector in
      ids.append(id)
      values += vector
    }) {}
    return (ids, values)
  }

  @Test(arguments: [(0, 3), (1, 1), (10_000, 5), (300, 64)])
  func whatIsWrittenIsReadBitForBit(rows: Int, width: Int) throws {
    let (path, values) = try write("a.parquet", rows: rows, width: width, blocks: 3)
    let reader = try ParquetVectorReader(path: path)
    #expect(reader.rowCount == rows)
    let found = try read(reader)
    let ids = (0..<rows).map { "id \($0) é" }
    #expect(found.ids == ids)
    #expect(found.values.map(\.bitPattern) == values.map(\.bitPattern))
    #expect(reader.width == (rows == 0 ? nil : width))
    #expect(try folder.names() == ["a.parquet"])
  }

  @Test func rowGroupsAreReadInTurn() throws {
    // 64 MiB of numbers a group.
    let width = 1 << 20
    let path = folder.file("a.parquet")
    let values = [Float](repeating: 0, count: width)
    let writer = try ParquetWriter(path: path, width: width)
    for row in 0..<20 { try values.withUnsafeBufferPointer { try writer.append(ids: ["\(row)"], values: $0) } }
    try writer.finish()
    let file = try ParquetFile(path: path)
    #expect(file.groupCount == 2 && file.rows(ofGroup: 0) == 16 && file.rows(ofGroup: 1) == 4 && file.rowCount == 20)
    let ids: [[String]] = try (0..<2).map { group in
      let batches = try file.batches([0], groups: group..<group + 1)
      var ids: [String] = []
      while let batch = try batches.next() {
        ids += (0..<batch.rows).map { batch.texts(0)[$0].map { String(decoding: $0, as: UTF8.self) } ?? "null" }
      }
      return ids
    }
    let names = (0..<20).map { "\($0)" }
    #expect(ids == [Array(names[..<16]), Array(names[16...])])
  }

  @Test func columnsAreNamedWithTheirKinds() throws {
    let file = try ParquetFile(path: try write("a.parquet", rows: 2, width: 2).path)
    #expect(file.columns.map(\.name) == ["id", "embedding"] && file.columns.map(\.kind) == [.text, .vector])
    #expect(try file.index(of: "embedding") == 1)
    #expect(try file.index(of: "none") == nil)
    #expect(throws: InputError.self) { try ParquetVectorReader(path: file.path, id: "embedding") }
    #expect(throws: InputError.self) { try ParquetVectorReader(path: file.path, vector: "id") }
    #expect(throws: InputError.self) { try ParquetVectorReader(path: file.path, vector: "none") }
  }

  @Test func anUnfinishedFileIsGone() throws {
    do {
      let writer = try ParquetWriter(path: folder.file("a.parquet"), width: 1)
      try [Float(1)].withUnsafeBufferPointer { try writer.append(ids: ["a"], values: $0) }
    }
    #expect(try folder.names().isEmpty)
  }

  @Test func aFileCutAnywhereIsRefused() throws {
    let path = try write("a.parquet", rows: 50, width: 4).path
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    for length in stride(from: 0, to: data.count, by: 7) {
      try data.prefix(length).write(to: URL(fileURLWithPath: path))
      #expect(throws: InputError.self) { _ = try read(try ParquetVectorReader(path: path)) }
    }
  }

  @Test func everyFlippedPageIsSeen() throws {
    let (path, values) = try write("a.parquet", rows: 50, width: 4)
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    var footer = 0
    for byte in data.suffix(8).prefix(4).reversed() { footer = footer << 8 | Int(byte) }
    for place in stride(from: 4, to: data.count - 8 - footer, by: 5) {
      var broken = data
      broken[place] ^= 0x10
      try broken.write(to: URL(fileURLWithPath: path))
      // A page has a checksum; only what its header says beside it may change unseen, and then nothing is read otherwise.
      let found = try? read(try ParquetVectorReader(path: path))
      let isWhole = found.map { $0.values == values } ?? true
      #expect(isWhole)
    }
  }
}
