"""ImageNet's constants and the feature names of the TFRecords, as TF-Slim's build_imagenet_data.py wrote them."""

from trainer.file_format import FileFormat

BACKGROUND = "background"  # Class 0 of every model here; labels start at 1.
CLASSES = 1001  # 1000 synsets and the background.
CENTRAL_FRACTION = 0.875  # Of each side of a picture, 76.6 % of its area: the reference's evaluation looks at it.
EVAL_PICTURES = 50_000  # Of ILSVRC2012's validation set, 50 a class.
# What its first ten show, by file name. Any other order of the labels begins otherwise.
FIRST_EVAL_WNIDS = (
    "n01751748", "n09193705", "n02105855", "n04263257", "n03125729",
    "n01735189", "n02346627", "n02776631", "n03794056", "n02328150",
)  # fmt: skip

TRAIN = "train"
EVAL = "eval"
LABELS_FILE = "labels.txt"  # Line i names class i; line 0 is the background.
REPORT_FILE = "ingestion_report.json"
REPORT_FORMAT = FileFormat(REPORT_FILE)

ENCODED = "image/encoded"
HEIGHT = "image/height"
WIDTH = "image/width"
MAX_SIDE = 65_500  # Pixels of either: libjpeg's limit.
CHANNELS = "image/channels"
COLORSPACE = "image/colorspace"
FORMAT = "image/format"
FILENAME = "image/filename"
NOTE = "image/note"  # Ours, not the reference's: why ingestion encoded the picture anew; empty where it did not.
ORIENTATION = "image/orientation"  # Ours: EXIF's, of the JPEG as it is stored; 1 is upright.
LABEL = "image/class/label"
SYNSET = "image/class/synset"
TEXT = "image/class/text"
BBOX_XMIN = "image/object/bbox/xmin"
BBOX_XMAX = "image/object/bbox/xmax"
BBOX_YMIN = "image/object/bbox/ymin"
BBOX_YMAX = "image/object/bbox/ymax"
BBOX_LABEL = "image/object/bbox/label"
