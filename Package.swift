// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// Options of every Swift target: language mode 6, and nothing implicit about existentials.
let swift: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A library target of ours under `Sources/`.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swift)
}

/// A test target under `Tests/`; `Fixtures` are read by path, so they are no resources.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies + ["TestSupport"], swiftSettings: swift)
}

/// pkg-config's name for the MPI to build with: PRECISE_MPI when that is set, else the first of the usual ones that is there.
///
/// Debian's `mpi-c` is whichever MPI is the default; others install `ompi-c` (Open MPI) or `mpich`.
let mpi: String = {
  let environment = Context.environment
  if let chosen = environment["PRECISE_MPI"], !chosen.isEmpty { return chosen }
  let folders =
    (environment["PKG_CONFIG_PATH"] ?? "").split(separator: ":").map(String.init)
    + ["/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"].map {
      $0 + "/pkgconfig"
    }
  let names = ["mpi-c", "ompi-c", "mpich"]
  return names.first { name in folders.contains { FileManager.default.fileExists(atPath: "\($0)/\(name).pc") } } ?? names[0]
}()

/// What the program says of its version: PRECISE_VERSION when that is set, as cluster/release/build.sh does from the tag.
///
/// Else the development version; the one place where it stands.
let version: String = {
  let developmentVersion = "0.3.0-dev"
  guard let released = Context.environment["PRECISE_VERSION"], !released.isEmpty else { return developmentVersion }
  return released
}()

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

// Lowest first; `.ci/check-imports` holds the sources to this table.
let package = Package(
  name: "precise",
  products: [.executable(name: "precise", targets: ["precise"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CMPI", pkgConfig: mpi, providers: [.apt(["libopenmpi-dev"])]),
    .target(name: "CHost"),
    // Of its own, so that another version compiles one file and the commands, and nothing else.
    .target(name: "CVersion", cSettings: [.define("PRECISE_VERSION", to: "\"\(version)\"")]),
    .target(name: "CMPIShim", dependencies: ["CMPI"]),
    .target(name: "CParquet"),
    .target(
      name: "CKernels",
      // Optimized in debug builds too: a test suite over unoptimized vector loops would take an hour.
      cSettings: [.unsafeFlags(["-O3"])], linkerSettings: [.linkedLibrary("m")]),
    // hnswlib is headers alone (libhnswlib-dev); optimized in debug builds for the same reason.
    .target(name: "CNeighbors", dependencies: ["CKernels"], cxxSettings: [.unsafeFlags(["-O3"])]),

    library("Host", ["CHost"]),
    library("Files", ["CZlib", "CHost", "Host"]),
    library("Parquet", ["CParquet", "Files"]),
    library("Config", ["Host", "Files", yams]),
    library("Reporting", ["Files", "Host", logging]),
    library("Pictures", ["Files"]),
    library("Ablation", ["Files", "Config", "Reporting", "Pictures"]),
    library("Supervision", ["CHost", "Host"]),

    library("Tensors", ["CKernels", "Host"]),
    library("Collectives", ["CMPIShim", "CKernels", "Host"]),
    library("Diagnosis", ["Host", "Tensors", "Collectives"]),
    library("Model", ["Host", "Tensors", "Collectives"]),

    library("Datasets", ["Files", "Tensors"]),
    library("Preparation", ["Files", "Parquet", "Datasets", "Collectives"]),
    library("Synth", ["Files"]),
    library("Texts", ["Files", "Tensors", "Collectives", "Datasets", "Parquet"]),

    library("Evaluation", ["Files", "Tensors", "Collectives", "Model", "Datasets", "Texts"]),
    library("Checkpoints", ["Host", "Files", "Tensors", "Collectives", "Model"]),
    library(
      "Runs",
      [
        "Host", "CHost", "Files", "Config", "Reporting", "Tensors", "Collectives", "Model", "Datasets", "Texts", "Evaluation",
        "Checkpoints", logging,
      ]),
    library(
      "Training",
      [
        "Host", "Files", "Config", "Reporting", "Tensors", "Collectives", "Model", "Datasets", "Texts", "Evaluation",
        "Checkpoints",
        "Runs", logging,
      ]),
    library(
      "Costs",
      [
        "Host", "Files", "Config", "Reporting", "Tensors", "Collectives", "Model", "Datasets", "Texts", "Evaluation", "Runs",
        "Training",
      ]),
    library(
      "Serving",
      [
        "CNeighbors", "Host", "Files", "Parquet", "Config", "Reporting", "Tensors", "Collectives", "Model", "Datasets",
        "Preparation", "Texts",
        "Evaluation", "Checkpoints", "Runs",
      ]),
    library(
      "Reports",
      [
        "Files", "Config", "Reporting", "Pictures", "Tensors", "Datasets", "Evaluation", "Checkpoints", "Runs", "Serving",
      ]),

    .executableTarget(
      name: "precise",
      dependencies: [
        argumentParser, logging, "CHost", "CVersion", "Host", "Files", "Config", "Tensors", "Collectives", "Datasets",
        "Preparation", "Texts",
        "Reporting", "Ablation", "Model", "Runs", "Training", "Costs", "Evaluation", "Serving", "Synth", "Diagnosis",
        "Checkpoints",
        "Supervision", "Reports",
      ],
      swiftSettings: swift),

    .target(
      name: "TestSupport", dependencies: ["Files", "Tensors", "Datasets", "Preparation", "Texts"], path: "Tests/TestSupport",
      swiftSettings: swift),
    tests("TestSupportTests", ["Files"]),
    tests("HostTests", ["Host"]),
    tests("FilesTests", ["Files", "CHost", "CZlib"]),
    tests("ParquetTests", ["Parquet", "CParquet", "Files"]),
    tests("ConfigTests", ["Config", "Files", "Host"]),
    tests("ReportingTests", ["Reporting", "Files", logging]),
    tests("AblationTests", ["Ablation", "Config", "Files", "Reporting"]),
    tests("PicturesTests", ["Pictures"]),
    tests("SupervisionTests", ["Supervision"]),
    // AMX's tiles in software, under the kernel's own source.
    .target(
      name: "CTileTwin", dependencies: ["CKernels"], path: "Tests/CTileTwin",
      cSettings: [.headerSearchPath("../../Sources/CKernels"), .unsafeFlags(["-O3"])]),
    tests("TensorsTests", ["Tensors", "Host", "CKernels", "CTileTwin"]),
    tests("CollectivesTests", ["Collectives", "Host"]),
    tests("DiagnosisTests", ["Diagnosis", "Collectives", "Host"]),
    tests("ModelTests", ["Model", "Host", "Files", "Tensors", "Collectives"]),
    tests("DatasetsTests", ["Datasets", "Preparation", "Files", "Tensors"]),
    tests("PreparationTests", ["Preparation", "Datasets", "Files", "Collectives"]),
    tests("SynthTests", ["Synth", "Files"]),
    tests("TextsTests", ["Texts", "Datasets", "Preparation", "Files", "Tensors", "Collectives"]),
    tests(
      "EvaluationTests",
      ["Evaluation", "Collectives", "Datasets", "Preparation", "Files", "Model", "Tensors", "Texts"]),
    tests("CheckpointsTests", ["Checkpoints", "Files", "Model", "Tensors", "Collectives"]),
    tests(
      "TrainingTests",
      [
        "Training", "Runs", "Costs", "Checkpoints", "Collectives", "Config", "Datasets", "Preparation", "Evaluation", "Files",
        "Host", "Model",
        "Reporting", "Synth", "Tensors", "Texts", logging,
      ]),
    tests(
      "ServingTests",
      [
        "Serving", "Runs", "Training", "Evaluation", "Datasets", "Preparation", "Model", "Tensors", "Collectives", "Config",
        "Texts",
        "Files", "Reporting", "Checkpoints",
      ]),
    tests(
      "ReportsTests",
      ["Reports", "Config", "Files", "Reporting", "Runs"]),
    tests("CommandTests", ["precise", "Checkpoints", "Datasets", "Files", "Supervision", argumentParser]),
  ],
  cLanguageStandard: .c11, cxxLanguageStandard: .cxx17
)

// Only there when asked for: it links with a fuzzer's runtime and nothing else (cluster/local/fuzz.sh).
if Context.environment["PRECISE_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "Fuzzing",
      dependencies: [
        "Checkpoints", "Collectives", "Config", "Datasets", "Preparation", "Evaluation", "Files", "Host", "Model", "Reporting",
        "Runs", "Serving", "Tensors", "TestSupport", "Texts", "Training",
      ],
      path: "Tests/Fuzzing", exclude: ["Seeds", "Dictionaries"], swiftSettings: swift))
}
