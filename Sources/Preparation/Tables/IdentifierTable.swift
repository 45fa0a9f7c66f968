import Files
import Glibc

/// Numbers ids in the order of their first appearance, without a `String` per look-up.
///
/// Ours.
///
/// `Probing`; a slot holds 32 bits of the hash beside the number, so that most probes touch no id bytes. All
/// ids' bytes stand in one run. Memory: about 16 to 32 bytes an id plus its own bytes.
final class IdentifierTable {
  /// How many ids a data set can hold.
  static let most = Int(Int32.max) - 1

  /// The number of ids.
  private(set) var count = 0
  /// How many there may be.
  let most: Int
  private var slots: UnsafeMutablePointer<UInt64>
  private var probing = Probing(slots: 2_048)
  private var offsets: UnsafeMutablePointer<Int>
  private var offsetCapacity = 1_024
  private var bytes: UnsafeMutableRawPointer
  private var byteCapacity = 1 << 14

  /// Starts without an id, and takes at most so many.
  init(most: Int = IdentifierTable.most) {
    self.most = most
    slots = .allocate(capacity: probing.count)
    slots.initialize(repeating: 0, count: probing.count)
    offsets = .allocate(capacity: offsetCapacity)
    offsets[0] = 0
    bytes = .allocate(byteCount: byteCapacity, alignment: 16)
  }

  deinit {
    slots.deallocate()
    offsets.deallocate()
    bytes.deallocate()
  }

  /// The id's bytes; valid until the next id is added.
  subscript(index: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: bytes + offsets[index], count: offsets[index + 1] - offsets[index])
  }

  func string(_ index: Int) -> String { String(decoding: self[index], as: UTF8.self) }

  /// The number of an id that is in the table, and its hash for `insert`.
  @inline(__always)
  func find(_ id: UnsafeRawBufferPointer) -> (index: Int?, hash: UInt64) {
    let hash = IdentifierTable.hash(id)
    let slot = probing.slot(from: Int(hash >> 32)) { slot in
      slots[slot] == 0 || slots[slot] >> 32 == hash >> 32 && isEqual(index(in: slot), id)
    }
    return (slots[slot] == 0 ? nil : index(in: slot), hash)
  }

  /// Adds an id that `find` did not find, with the hash that it gave, and returns its number.
  func insert(_ id: UnsafeRawBufferPointer, hash: UInt64) throws -> Int {
    guard count < most else { throw Self.tooMany(most) }
    if probing.isFull(count) { growSlots() }
    append(id)
    put(hash >> 32, number: count)
    return count - 1
  }

  /// What is said of more ids than there may be.
  static func tooMany(_ most: Int) -> InputError {
    InputError("there are more than \(most) different ids, more than a data set can hold; are the right columns named?")
  }

  /// The id's number, added when it is new.
  func intern(_ id: UnsafeRawBufferPointer) throws -> Int {
    let (index, hash) = find(id)
    return try index ?? insert(id, hash: hash)
  }

  /// The number of the id in a slot that is not free.
  @inline(__always)
  private func index(in slot: Int) -> Int { Int(slots[slot] & 0xFFFF_FFFF) - 1 }

  /// Puts an id that is not there yet into a slot; numbers in slots begin with 1.
  private func put(_ tag: UInt64, number: Int) {
    let slot = probing.slot(from: Int(tag)) { slots[$0] == 0 }
    slots[slot] = tag << 32 | UInt64(number)
  }

  private func growSlots() {
    let old = UnsafeMutableBufferPointer(start: slots, count: probing.count)
    probing = probing.doubled
    slots = .allocate(capacity: probing.count)
    slots.initialize(repeating: 0, count: probing.count)
    for slot in old where slot != 0 { put(slot >> 32, number: Int(slot & 0xFFFF_FFFF)) }
    old.deallocate()
  }

  private func append(_ id: UnsafeRawBufferPointer) {
    let start = offsets[count]
    if start + id.count > byteCapacity {
      byteCapacity = max(byteCapacity * 2, start + id.count)
      let larger = UnsafeMutableRawPointer.allocate(byteCount: byteCapacity, alignment: 16)
      larger.copyMemory(from: bytes, byteCount: start)
      bytes.deallocate()
      bytes = larger
    }
    if count + 2 > offsetCapacity {
      let larger = UnsafeMutablePointer<Int>.allocate(capacity: offsetCapacity * 2)
      larger.initialize(from: offsets, count: count + 1)
      offsets.deallocate()
      offsets = larger
      offsetCapacity *= 2
    }
    if let source = id.baseAddress { (bytes + start).copyMemory(from: source, byteCount: id.count) }
    offsets[count + 1] = start + id.count
    count += 1
  }

  @inline(__always)
  private func isEqual(_ index: Int, _ id: UnsafeRawBufferPointer) -> Bool {
    let start = offsets[index]
    guard offsets[index + 1] - start == id.count, let other = id.baseAddress else {
      return offsets[index + 1] - start == id.count
    }
    return memcmp(bytes + start, other, id.count) == 0
  }

  /// Eight bytes at a time; only numbering order leaves this object, so the hash is no part of any format.
  @inline(__always)
  private static func hash(_ id: UnsafeRawBufferPointer) -> UInt64 {
    guard let start = id.baseAddress else { return 0 }
    var hash = UInt64(id.count) &* 0x9E37_79B9_7F4A_7C15
    var offset = 0
    while offset + 8 <= id.count {
      hash = mix(hash ^ start.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      offset += 8
    }
    var tail: UInt64 = 0
    while offset < id.count {
      tail = tail << 8 | UInt64(start.load(fromByteOffset: offset, as: UInt8.self))
      offset += 1
    }
    return mix(hash ^ tail)
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    let product = (value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low
  }
}
