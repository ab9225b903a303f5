"""Runs the transcoder of django-video-transcoding by itself, without Django and its queue.

usage: django.py SOURCE DESTINATION SETTINGS
SETTINGS is JSON: rungs (width, height, greatest bits a second), rate, crf, audio_bitrate, speed.
"""
import json
import sys

from video_transcoding.transcoding import profiles, transcoder


def main() -> None:
    source, destination, settings = sys.argv[1:]
    wanted = json.loads(settings)
    videos = [
        profiles.VideoTrack(
            id=f'{height}p', codec='libx264', constant_rate_factor=wanted['crf'],
            preset=wanted['speed'], max_rate=maxrate, buf_size=2 * maxrate, profile='high',
            pix_fmt='yuv420p', width=width, height=height, frame_rate=wanted['rate'],
            gop_size=2 * wanted['rate'],
            force_key_frames=profiles.KEY_FRAMES.format(sec=profiles.SEGMENT_SIZE))
        for width, height, maxrate in wanted['rungs']
    ]
    audio = profiles.AudioTrack(
        id='sound', codec='aac', bitrate=wanted['audio_bitrate'], channels=2, sample_rate=48000)
    preset = profiles.Preset(
        video_profiles=[profiles.VideoProfile(
            condition=profiles.VideoCondition(
                min_width=0, min_height=0, min_bitrate=0, min_frame_rate=0),
            video=[video.id for video in videos])],
        audio_profiles=[profiles.AudioProfile(
            condition=profiles.AudioCondition(min_sample_rate=0, min_bitrate=0),
            audio=[audio.id])],
        video=videos,
        audio=[audio])
    transcoder.Transcoder(source, destination, preset).transcode()


if __name__ == '__main__':
    main()
