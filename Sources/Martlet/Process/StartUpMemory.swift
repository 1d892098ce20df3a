import Foundation
import Glibc

/// Memory that only the start needed.
enum StartUpMemory {
    /// Gives back the pages of program code that the start has read; what is used again comes from the system's file cache.
    ///
    /// The start touches code all over the program and its libraries, some 20 MiB with the pages that the kernel maps around
    /// them, and an idle server needs a small part of that. Only mappings of files that are executable and not writable are
    /// given back: nothing was ever written to them, so that nothing is lost.
    static func release() {
        guard let maps = FileManager.default.contents(atPath: "/proc/self/maps") else { return }
        for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") {
            // 7f12c0000000-7f12c0100000 r-xp 00001000 08:01 1234   /usr/lib/libexample.so
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            guard words.count >= 6, words[1] == "r-xp", words[5].hasPrefix("/") else { continue }
            let ends = words[0].split(separator: "-").compactMap { UInt(String($0), radix: 16) }
            guard ends.count == 2, ends[0] < ends[1], let start = UnsafeMutableRawPointer(bitPattern: ends[0]) else {
                continue
            }
            _ = madvise(start, Int(ends[1] - ends[0]), MADV_DONTNEED)
        }
    }
}
