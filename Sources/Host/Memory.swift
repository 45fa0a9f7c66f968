import CHost

/// The one place that handles a failed allocation: one sentence on stderr that says how much of it was wanted and for what, and exit code 70.
///
/// Holds for every allocation of the process, those of Swift's arrays and of libraries included (`Sources/CHost/allocator.c`); under
/// the address and thread sanitizers for `zeroed` alone. Nothing is written or waited for on the way out: other threads end too, and a
/// launcher ends the other processes.
package enum Memory {
  /// Says what `body` takes memory for, on this thread.
  package static func use<Result>(for purpose: MemoryPurpose, _ body: () throws -> Result) rethrows -> Result {
    let before = cmem_enter(purpose.words)
    defer { _ = cmem_enter(before) }
    return try body()
  }

  /// Sets the purpose of threads that have not set their own.
  package static func begin(_ purpose: MemoryPurpose) { cmem_begin(purpose.words) }

  /// What this thread has said that it takes memory for; nil when nothing.
  static var current: String? {
    let words = cmem_enter(cmem_purpose())
    defer { _ = cmem_enter(words) }
    return words.what.map { String(cString: $0) }
  }

  /// Zeroed bytes, to be freed with `free`; fresh pages of the system are not cleared a second time.
  package static func zeroed(bytes: Int) -> UnsafeMutableRawPointer {
    precondition(bytes >= 0, "\(bytes) bytes of memory")
    return cmem_zeroed(bytes)
  }

  /// The sentence about an allocation that fails.
  ///
  /// - Parameter limit: bytes that the process's address space may have; nil = as many as there are.
  static func sentence(bytes: Int, for purpose: MemoryPurpose, limit: Int?) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
      let length = cmem_sentence(text.baseAddress, text.count, bytes, purpose.words, limit ?? Int(bitPattern: UInt.max))
      return String(decoding: UnsafeRawBufferPointer(text)[..<length], as: UTF8.self)
    }
  }
}

/// What memory is taken for, and what a person can do when there is none: two parts of a sentence.
///
/// `cannot allocate 1.2 GiB for <what>; <remedy>`.
package struct MemoryPurpose: Sendable {
  /// What it is for: "the workspace of a step".
  package let what: StaticString
  /// What takes less, or gives more: "lower batch.users".
  package let remedy: StaticString

  /// Puts a purpose into words, which are constants of the program: they must be there when nothing else is.
  package init(_ what: StaticString, remedy: StaticString) {
    precondition(what.hasPointerRepresentation && remedy.hasPointerRepresentation, "a purpose of one character")
    self.what = what
    self.remedy = remedy
  }

  fileprivate var words: cmem_purpose { cmem_purpose(what: Self.start(of: what), remedy: Self.start(of: remedy)) }

  private static func start(of text: StaticString) -> UnsafePointer<CChar> {
    UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
  }
}

/// What the processes of a host may take of memory, all together.
package struct HostMemory: Sendable, Equatable {
  /// Who sets the bounds: "this machine", or "this process's control group".
  package var holder: String
  /// Bytes that there are, taken or not, swap included.
  package var total: Int
  /// Bytes that may be taken now without anything being pushed out.
  package var free: Int
  /// Bytes that the address space of this process may have; nil = as many as there are.
  package var addressSpace: Int?

  /// Describes a host.
  package init(holder: String, total: Int, free: Int, addressSpace: Int? = nil) {
    self.holder = holder
    self.total = total
    self.free = free
    self.addressSpace = addressSpace
  }
}
