/** What an engine on disk makes its files of, and what it leaves free. */
export interface DiskSizes {
  /** Bytes of a segment of the log. */
  readonly segmentBytes: number;
  /** Bytes that the log may take beyond twice its live data. */
  readonly slackBytes: number;
  /** Free bytes of the disk that are kept from writes that grow the data: cleaning and deletions need some. */
  readonly diskReserveBytes: number;
}

const largest: DiskSizes = { segmentBytes: 8_388_608, slackBytes: 33_554_432, diskReserveBytes: 67_108_864 };
/** On smaller disks the sizes are their share of this. */
const roomyDiskBytes = 536_870_912;

/** The sizes for a disk of so many bytes: on a small one all are smaller, so that most of it holds data. */
export function decideDiskSizes(diskBytes: number): DiskSizes {
  const share = Math.min(1, diskBytes / roomyDiskBytes);
  const part = (bytes: number): number => Math.ceil((bytes * share) / 4096) * 4096;
  return {
    segmentBytes: part(largest.segmentBytes),
    slackBytes: part(largest.slackBytes),
    diskReserveBytes: part(largest.diskReserveBytes),
  };
}
