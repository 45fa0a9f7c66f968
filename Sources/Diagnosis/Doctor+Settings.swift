extension Doctor {
  /// Parameters in the environment that this MPI does not read.
  static func settingFinding(_ facts: [RankFacts]) -> Finding {
    let names = facts[0].variables.keys.filter { $0.hasPrefix("OMPI_MCA_") || $0.hasPrefix("PRTE_MCA_") }.sorted()
    let library = facts[0].library
    guard !names.isEmpty else { return Finding("MPI settings", "none in the environment") }
    guard library.hasPrefix("Open MPI ") else {
      return Finding(
        "MPI settings", "\(some(names)), which \(library) does not read", .notice, remedy: "use that library's own settings")
    }
    let isOld = (Int(library.dropFirst(9).prefix { $0.isNumber }) ?? 5) < 5
    let missing = names.compactMap { name -> (name: String, other: String)? in
      guard let other = isOld ? nameInFour(name) : nameInFive(name), !names.contains(other) else { return nil }
      return (name, other)
    }
    guard let first = missing.first else {
      return Finding("MPI settings", "\(names.count) in the environment, none that only another MPI than \(library) reads")
    }
    return Finding(
      "MPI settings", "\(some(missing.map(\.name))), which \(library) does not read", .notice,
      remedy: "set \(first.other) as well: Open MPI 4 reads OMPI_MCA_*, the launcher of 5 reads PRTE_MCA_*")
  }

  /// What Open MPI 4 calls a launcher's parameter of version 5; nil for another.
  static func nameInFour(_ name: String) -> String? {
    guard name.hasPrefix("PRTE_MCA_") else { return nil }
    let parameter = String(name.dropFirst(9))
    // The network of the launcher's own messages: the one parameter whose name changed in the middle.
    if parameter == "prte_if_include" { return "OMPI_MCA_oob_tcp_if_include" }
    if parameter.hasPrefix("prte_") { return "OMPI_MCA_orte_\(parameter.dropFirst(5))" }
    if parameter.hasPrefix("plm_ssh_") { return "OMPI_MCA_plm_rsh_\(parameter.dropFirst(8))" }
    return "OMPI_MCA_\(parameter)"
  }

  /// What version 5 calls a parameter of Open MPI 4 that it no longer reads under its old name; nil for another.
  static func nameInFive(_ name: String) -> String? {
    guard name.hasPrefix("OMPI_MCA_") else { return nil }
    let parameter = String(name.dropFirst(9))
    if parameter == "btl_vader_single_copy_mechanism" { return "OMPI_MCA_smsc" }
    if parameter == "oob_tcp_if_include" { return "PRTE_MCA_prte_if_include" }
    if parameter.hasPrefix("orte_") { return "PRTE_MCA_prte_\(parameter.dropFirst(5))" }
    if parameter.hasPrefix("plm_rsh_") { return "PRTE_MCA_plm_ssh_\(parameter.dropFirst(8))" }
    let ofLauncher = ["plm_", "rmaps_", "ras_", "odls_", "ess_", "oob_", "routed_", "grpcomm_", "iof_", "rtc_"]
    return ofLauncher.contains { parameter.hasPrefix($0) } ? "PRTE_MCA_\(parameter)" : nil
  }

  private static func some(_ names: [String]) -> String {
    names.prefix(3).joined(separator: ", ") + (names.count > 3 ? " and \(names.count - 3) more" : "")
  }
}
