import Foundation
import TestSupport
import Testing

@testable import Host

/// What is read from the kernel's files.
@Suite struct MachineTests {
  @Test func listsOfCores() {
    #expect(CoreList.cores("0-2,5\n") == [0, 1, 2, 5] && CoreList.cores("3") == [3])
    #expect(CoreList.cores("") == [] && CoreList.cores("x-y,2-1,-") == [] && CoreList.cores("0-99999999999") == [])
    #expect(CoreList.text([5, 0, 1, 2, 1]) == "0-2,5" && CoreList.text([]) == "" && CoreList.text([7]) == "7")
  }

  @Test func limitsInForce() {
    let text = """
      Limit                     Soft Limit           Hard Limit           Units
      Max locked memory         unlimited            unlimited            bytes
      Max open files            1024                 524288               files
      """
    #expect(Machine.limit("Max open files", in: text) == 1024)
    #expect(Machine.limit("Max locked memory", in: text) == .max)
    #expect(Machine.limit("Max wishes", in: text) == nil && Machine.limit("Max open files", in: nil) == nil)
  }

  @Test func theChosenWord() {
    #expect(Machine.chosen("always [madvise] never\n") == "madvise")
    #expect(Machine.chosen("none chosen") == nil && Machine.chosen("]") == nil)
  }

  @Test func thisMachineIsKnown() {
    #expect(!Machine.affinity.isEmpty && Machine.memory > 0 && !Machine.host.isEmpty && Machine.programBytes ?? 0 > 0)
    #expect(Machine.affinity.count <= ProcessInfo.processInfo.processorCount)
    #expect(NetworkInterface.all().allSatisfy { !$0.name.isEmpty && $0.address.split(separator: ".").count == 4 })
  }

  @Test func limitsOfTheGroupsAboveHoldToo() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("job/step"), withIntermediateDirectories: true)
    _ = try folder.write("job/cpu.max", "150000 100000\n")
    _ = try folder.write("job/step/cpu.max", "max 100000\n")
    _ = try folder.write("job/memory.max", "1000\n")
    _ = try folder.write("job/memory.current", "400\n")
    _ = try folder.write("job/step/memory.max", "max\n")
    #expect(ControlGroup.cores(root: folder.path, membership: "0::/job/step\n") == 1.5)
    let limit = ControlGroup.MemoryLimit(limit: 1000, used: 400, swap: nil)
    #expect(ControlGroup.memory(root: folder.path, membership: "0::/job/step\n") == [limit])
    #expect(ControlGroup.cores(root: folder.path, membership: "0::/\n") == nil)
    #expect(ControlGroup.memory(root: folder.path, membership: nil).isEmpty)
    // What was read from files can be dropped again.
    _ = try folder.write("job/memory.stat", "anon 100\ninactive_file 250\n")
    _ = try folder.write("job/memory.swap.max", "0\n")
    let dropped = ControlGroup.MemoryLimit(limit: 1000, used: 150, swap: 0)
    #expect(ControlGroup.memory(root: folder.path, membership: "0::/job/step\n") == [dropped])
  }

  @Test func theOlderGroupsCountAsWell() throws {
    let folder = try TemporaryFolder()
    for name in ["cpu", "memory/job"] {
      try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
    }
    _ = try folder.write("cpu/cpu.cfs_quota_us", "50000\n")
    _ = try folder.write("cpu/cpu.cfs_period_us", "100000\n")
    _ = try folder.write("memory/memory.limit_in_bytes", "9223372036854771712\n")
    _ = try folder.write("memory/job/memory.limit_in_bytes", "5000\n")
    let membership = "4:memory:/job\n3:cpu,cpuacct:/elsewhere\n0::/\n"
    #expect(ControlGroup.cores(root: folder.path, membership: membership) == 0.5)
    let limit = ControlGroup.MemoryLimit(limit: 5000, used: 0, swap: nil)
    #expect(ControlGroup.memory(root: folder.path, membership: membership) == [limit])
    #expect(ControlGroup.memory(root: folder.path, membership: "4:memory:/\n").isEmpty)
    _ = try folder.write("memory/job/memory.memsw.limit_in_bytes", "6000\n")
    #expect(ControlGroup.memory(root: folder.path, membership: membership).map(\.swap) == [1000])
  }

  /// The machine's memory with its swap, or less where a group says so.
  @Test func whatAHostHas() {
    let facts = "MemTotal:        1000 kB\nMemAvailable:     700 kB\nSwapTotal:        200 kB\n"
    let machine = Machine.hostMemory(facts, groups: [], addressSpace: 5)
    #expect(machine == HostMemory(holder: "this machine", total: 1200 << 10, free: 700 << 10, addressSpace: 5))
    let wide = ControlGroup.MemoryLimit(limit: 1 << 40, used: 0, swap: nil)
    let narrow = ControlGroup.MemoryLimit(limit: 600 << 10, used: 100 << 10, swap: 50 << 10)
    let group = Machine.hostMemory(facts, groups: [wide, narrow], addressSpace: nil)
    #expect(group == HostMemory(holder: "this process's control group", total: 650 << 10, free: 500 << 10))
    #expect(Machine.hostMemory(facts, groups: [wide], addressSpace: nil).holder == "this machine")
  }
}
