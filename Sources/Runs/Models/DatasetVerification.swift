package import Collectives
package import Datasets
import Files
package import Texts

/// Compares the checksums of what a run is about to train on: a file that was damaged or exchanged is found then, not trained on.
///
/// A host may have files of its own, so the ranks of a host read all that this host trains on: each rank its own shards, and a part each
/// of the files that all of them share. docs/reliability.md, "What a run was made of".
package struct DatasetVerification {
  private let dataset: Dataset
  private let states: TokenStates?

  /// - Parameter states: the token states that the model reads; nil when it reads none.
  package init(_ dataset: Dataset, _ states: TokenStates?) {
    self.dataset = dataset
    self.states = states
  }

  /// Reads and compares; collective.
  ///
  /// Throws an `InputError` as a `RankFailure` on every rank, naming the file that the first rank found other than it was written.
  ///
  /// - Parameter checkStop: asked now and then; throws when the run is to end.
  package func run(_ communicator: any Communicator, checkStop: () throws -> Void = {}) throws {
    let map = try HostMap.find(communicator)
    let host = map.ranks[map.hosts[communicator.rank]]
    let place = host.firstIndex(of: communicator.rank) ?? 0
    let shards = ShardRuns.shards(of: communicator.rank, ranks: communicator.size, count: dataset.shardCount)
    let parts = try communicator.agree(on: InputError.init) {
      for shard in shards { try dataset.verify(shard: shard, checkStop: checkStop) }
      return try sharedFiles.map { try CRC32.part(place, of: host.count, file: $0.path, checkStop: checkStop) }
    }
    let all = try parts.map { (try communicator.gatherCounts(Int($0.checksum)), try communicator.gatherCounts($0.bytes)) }
    try communicator.agree(on: InputError.init) {
      for (file, (checksums, bytes)) in zip(sharedFiles, all) {
        try file.check(host.reduce(0) { CRC32.combined($0, UInt32(checksums[$1]), count: bytes[$1]) })
      }
    }
  }

  /// What every rank reads of, and how a checksum of it is compared.
  private var sharedFiles: [(path: String, check: (UInt32) throws -> Void)] {
    let items = ("\(dataset.path)/\(ItemCatalogue.fileName)", { [dataset] in try dataset.check(itemsChecksum: $0) })
    return [items] + (states.map { states in [(states.path, { try states.check($0) })] } ?? [])
  }
}
